using Cleave.Evaluation.Energy;
using Cleave.Numerics;
using Cleave.Splitting.Monoliths;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Studies;

namespace Cleave.Splitting;

/// <summary>A process that takes trials of a split that another one leads.</summary>
/// <param name="output">The split's, where both see it.</param>
public sealed class SplitWorker(SplitProject project, string output, SplitSharing sharing)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Waits for the monolith where it is still being made, then takes trials until every task has its own.</summary>
    /// <returns>How many trials ended here.</returns>
    /// <exception cref="CleaveException">No such split is under way, or it ends before it is done.</exception>
    public int Run(IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        using var meter = new EnergyMeter(EnergyOptions.FromEnvironment(project.Energy));
        EnergyReading begun = meter.Read();
        var inputs = SplitInputs.Load(project, progress);
        using var work = SplitWorkspace.Join(output, SplitWorkspace.Content(project, inputs));
        Wait("the monolith", () => File.Exists(work.MonolithDone), work, progress, cancellation);
        using Monolith monolith = Monolith.Load(work.Monolith, project.Monolith);
        var ledger = new EnergyLedger(work.Folder, meter, begun, sharing.Worker);
        TaskStudy[] tasks = [.. inputs.Tasks.Zip(inputs.Spaces, (t, s) => new TaskStudy(project, t, s, monolith, work.Study(t.Name), ledger))];
        Wait("the studies", () => SharedSearch.IsThere(sharing, work, tasks), work, progress, cancellation);
        using var search = SharedSearch.Join(sharing, work, tasks);
        try
        {
            return search.Work(progress, cancellation);
        }
        finally
        {
            if (work.Stands())
                ledger.Interrupted();
        }
    }

    private static void Wait(string what, Func<bool> done, SplitWorkspace work, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        progress?.Report(new ProgressReport($"wait for {what}", 0, 1, "parts"));
        while (!done())
        {
            cancellation.ThrowIfCancellationRequested();
            if (!work.Stands())
                throw new CleaveException($"{work.Folder}: the split there has ended or was started over");
            cancellation.WaitHandle.WaitOne(Pause);
        }
    }
}
