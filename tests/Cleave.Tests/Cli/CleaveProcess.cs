using System.Diagnostics;

namespace Cleave.Tests.Cli;

/// <summary>The program as a process of its own.</summary>
internal static class CleaveProcess
{
    public static Process Start(params string[] args)
    {
        var info = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        info.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Cleave.Cli.dll"));
        foreach (string arg in args)
            info.ArgumentList.Add(arg);
        return Process.Start(info)!;
    }

    /// <summary>Runs to the end.</summary>
    public static async Task<(int Exit, string Output, string Error)> Run(params string[] args)
    {
        using Process process = Start(args);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        return (await Exit(process), await output, await error);
    }

    public static async Task<int> Exit(Process process)
    {
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(180));
        return process.ExitCode;
    }

    /// <summary>Waits until a running process's work can be seen; false where it ended before. It holds its thread: a continuation may wait for seconds in the pool of a busy run, and the process be done.</summary>
    public static bool Saw(Process process, Func<bool> isSo)
    {
        for (var clock = Stopwatch.StartNew(); !isSo(); Thread.Sleep(5))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(120), "nothing of the process's work is seen");
            if (process.HasExited)
                return false;
        }
        return true;
    }

    public static void Signal(Process process, string name) => Signal(process.Id, name);

    public static void Signal(int process, string name) => Process.Start("kill", [$"-{name}", $"{process}"]).WaitForExit();
}

/// <summary>A test of signals, pipes and files as Unix has them.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute() => Skip = OperatingSystem.IsWindows() ? "signals and pipes of Unix" : null;
}
