using System.Diagnostics;
using System.Globalization;

namespace Cleave.Tuning.Launch;

/// <summary>Workers as processes of this machine. They end when the study does, and with Ctrl-C, which the terminal sends to them, too.</summary>
public sealed class LocalLauncher(WorkerJob job) : ILauncher
{
    public string Preview => string.Join('\n', Enumerable.Range(1, job.Count).Select(i => $"{string.Join(' ', job.Program.Select(Tool.Quote))} > {Tool.Quote(LogOf(job, i))} 2>&1 &")) + "\n";

    public ILaunchedWorkers Launch()
    {
        Directory.CreateDirectory(job.Out);
        var started = new Workers(job);
        try
        {
            for (int i = 1; i <= job.Count; i++)
                started.Start(i);
            return started;
        }
        catch
        {
            started.Dispose();
            throw;
        }
    }

    private static string LogOf(WorkerJob job, int worker) => Path.Combine(job.Out, string.Create(CultureInfo.InvariantCulture, $"worker-{worker}.log"));

    private sealed class Workers(WorkerJob job) : ILaunchedWorkers
    {
        private readonly List<(Process Process, StreamWriter Log)> _started = [];

        public string Description => $"{job.Count} processes of this machine";

        public string Logs => Path.Combine(job.Out, "worker-*.log");

        public void Start(int number)
        {
            var info = new ProcessStartInfo(job.Program[0], job.Program.Skip(1))
            {
                WorkingDirectory = job.Folder,
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            try
            {
                var log = new StreamWriter(LogOf(job, number)) { AutoFlush = true };
                Process process = Process.Start(info)!;
                void Write(object sender, DataReceivedEventArgs e)
                {
                    lock (log)
                    {
                        if (e.Data is not null)
                            log.WriteLine(e.Data);
                    }
                }
                process.OutputDataReceived += Write;
                process.ErrorDataReceived += Write;
                process.StandardInput.Close();
                process.BeginOutputReadLine();
                process.BeginErrorReadLine();
                _started.Add((process, log));
            }
            catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException or UnauthorizedAccessException)
            {
                throw new CleaveException($"{job.Program[0]}: a worker cannot be started: {e.Message}", e);
            }
        }

        public bool AnyLeft() => _started.Any(w => !w.Process.HasExited);

        /// <summary>Asks those that still run to end, which gives their trials back.</summary>
        public void Dispose()
        {
            foreach ((Process process, _) in _started)
            {
                if (!process.HasExited && !OperatingSystem.IsWindows())
                    Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)])?.WaitForExit();
            }
            foreach ((Process process, StreamWriter log) in _started)
            {
                if (!process.WaitForExit(TimeSpan.FromSeconds(20)))
                    process.Kill(entireProcessTree: true);
                process.WaitForExit(); // and for the last lines of its output
                process.Dispose();
                log.Dispose();
            }
            _started.Clear();
        }
    }
}
