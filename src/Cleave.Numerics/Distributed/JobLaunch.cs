using System.Globalization;

namespace Cleave.Numerics.Distributed;

/// <summary>What the launcher of a job has told this process by its environment.</summary>
/// <param name="Rank">Of this process.</param>
/// <param name="Size">Processes in all.</param>
/// <param name="OnThisMachine">Processes that share this machine.</param>
public sealed record JobLaunch(int Rank, int Size, int OnThisMachine)
{
    /// <summary>This process's own; null where it was started alone.</summary>
    public static JobLaunch? Current { get; } = Read(Environment.GetEnvironmentVariable);

    /// <summary>
    /// Open MPI's mpirun says OMPI_COMM_WORLD_SIZE and _RANK; srun says PMI_SIZE and PMI_RANK (--mpi=pmi2), or PMIX_RANK and the tasks of the step
    /// (--mpi=pmix). A step of Slurm without either is so many processes that know nothing of each other.
    /// </summary>
    public static JobLaunch? Read(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        int? size = Number("OMPI_COMM_WORLD_SIZE") ?? Number("PMI_SIZE") ?? (variable("PMIX_RANK") is null ? null : Number("SLURM_STEP_NUM_TASKS"));
        int? rank = Number("OMPI_COMM_WORLD_RANK") ?? Number("PMI_RANK") ?? Number("PMIX_RANK");
        if (size is not > 1 || rank is null || rank >= size)
            return null;
        int here = Number("OMPI_COMM_WORLD_LOCAL_SIZE") ?? Number("SLURM_STEP_TASKS_PER_NODE") ?? 1;
        return new JobLaunch(rank.Value, size.Value, Math.Clamp(here, 1, size.Value));

        // Slurm writes "2(x3),1": what stands first is that of the first machines.
        int? Number(string name) => variable(name) is { } text
            && int.TryParse(text.AsSpan(0, Digits(text)), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : null;

        static int Digits(string text) => text.TakeWhile(char.IsAsciiDigit).Count();
    }

    /// <summary>Joins the job's processes; one that was started alone is a job of its own.</summary>
    /// <exception cref="CleaveException">There are several, and they cannot find each other.</exception>
    public static ICollective Join() => Current is { } launch ? new MpiCollective(launch) : OneProcess.Instance;
}
