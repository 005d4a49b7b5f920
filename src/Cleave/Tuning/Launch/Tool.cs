using System.Diagnostics;

namespace Cleave.Tuning.Launch;

/// <summary>Another system's command-line program.</summary>
internal static class Tool
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <returns>What the program wrote to its standard output.</returns>
    /// <exception cref="CleaveException">It is absent, fails or does not end.</exception>
    public static string Run(string program, params string[] args)
    {
        var start = new ProcessStartInfo(program, args) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using Process process = Process.Start(start)!;
            process.StandardInput.Close();
            Task<string> error = process.StandardError.ReadToEndAsync(), output = process.StandardOutput.ReadToEndAsync();
            if (!process.WaitForExit(Patience))
            {
                process.Kill(entireProcessTree: true);
                throw new CleaveException($"{program}: does not answer");
            }
            return process.ExitCode == 0 ? output.Result : throw new CleaveException($"{program}: {LastLine(error.Result) ?? $"ended with status {process.ExitCode}"}");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new CleaveException($"{program}: cannot be started: {e.Message} (is it installed here?)", e);
        }
    }

    /// <summary>A word for a POSIX shell.</summary>
    public static string Quote(string word) => word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:=@%+,".Contains(c, StringComparison.Ordinal)) ? word
        : "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";

    private static string? LastLine(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault();
}
