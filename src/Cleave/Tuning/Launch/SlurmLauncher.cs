using System.Globalization;
using Cleave.Formats.Durable;

namespace Cleave.Tuning.Launch;

/// <summary>Workers as a Slurm job array (https://slurm.schedmd.com/job_array.html), submitted with sbatch and followed with squeue.</summary>
/// <param name="options">More options of sbatch, such as <c>--partition=long</c>.</param>
public sealed class SlurmLauncher(WorkerJob job, IReadOnlyList<string> options) : ILauncher
{
    private string ScriptPath => Path.Combine(job.Out, "workers.sbatch");

    private string LogPath => Path.Combine(job.Out, "worker-%a.log");

    public string Preview => Script;

    private string Script => string.Create(CultureInfo.InvariantCulture, $"""
        #!/bin/sh
        #SBATCH --job-name={Name(job.Study)}
        #SBATCH --array=1-{job.Count}
        #SBATCH --chdir={Value(job.Folder)}
        #SBATCH --output={Value(LogPath)}
        {string.Concat(options.Select(o => $"#SBATCH {Checked(o)}\n"))}exec {string.Join(' ', job.Program.Select(Tool.Quote))}

        """).ReplaceLineEndings("\n");

    public ILaunchedWorkers Launch()
    {
        AtomicFile.WriteText(ScriptPath, Script);
        string answer = Tool.Run("sbatch", "--parsable", ScriptPath).Trim();
        string id = answer.Split(';')[0]; // "id;cluster" where there are several
        return id.Length > 0 && id.All(char.IsAsciiDigit) ? new Workers(id, job.Count, LogPath) : throw new CleaveException($"sbatch: answers '{answer}' and no job's number");
    }

    /// <summary>Slurm's own quoting in script lines: a double-quoted word.</summary>
    private static string Value(string path) => path.Any(c => c is '"' or '\n' or '\\') ? throw new CleaveException($"{path}: has characters that a job script cannot name; choose another --out or folder")
        : path.Any(char.IsWhiteSpace) ? $"\"{path}\"" : path;

    private static string Checked(string option) => option.StartsWith("--", StringComparison.Ordinal) && !option.Contains('\n', StringComparison.Ordinal) ? option
        : throw new CleaveException($"--sbatch '{option}': is no option of sbatch (such as --partition=long)");

    private static string Name(string study) => "cleave-" + string.Concat(study.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-'));

    private sealed class Workers(string id, int count, string logs) : ILaunchedWorkers
    {
        public string Description => $"Slurm job {id}, {count} tasks (scancel {id} ends them)";

        public string Logs => logs;

        public bool AnyLeft()
        {
            try
            {
                return Tool.Run("squeue", "--noheader", "--jobs", id, "--format=%T").Trim().Length > 0;
            }
            catch (CleaveException e) when (e.Message.Contains("Invalid job id", StringComparison.Ordinal))
            {
                return false; // it ended, and Slurm has forgotten it
            }
        }

        public void Dispose()
        {
            // They go on without the one that started them.
        }
    }
}
