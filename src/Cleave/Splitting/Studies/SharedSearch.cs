using Cleave.Numerics;
using Cleave.Tuning;
using Cleave.Tuning.Launch;
using Cleave.Tuning.Storage;

namespace Cleave.Splitting.Studies;

/// <summary>The studies of a split that several processes work on, as they are seen by one of them.</summary>
internal sealed class SharedSearch : IDisposable
{
    private readonly SplitSharing _sharing;
    private readonly SplitWorkspace _work;
    private readonly List<(TaskStudy Task, IStudyStorage Storage, Study Study)> _studies = [];
    private ILaunchedWorkers? _workers;

    private SharedSearch(SplitSharing sharing, SplitWorkspace work) => (_sharing, _work) = (sharing, work);

    /// <summary>Makes the studies where others find them, or opens those that are there.</summary>
    /// <exception cref="CleaveException">The storage cannot be used, or a search is for one process alone.</exception>
    public static SharedSearch Create(SplitSharing sharing, SplitWorkspace work, IEnumerable<TaskStudy> tasks) => Open(sharing, work, tasks, sharing.Catalog.Create);

    /// <summary>Opens the studies that the split's leader has made.</summary>
    public static SharedSearch Join(SplitSharing sharing, SplitWorkspace work, IEnumerable<TaskStudy> tasks) => Open(sharing, work, tasks, d => sharing.Catalog.Open(d.Name));

    /// <summary>Whether the leader has made every study.</summary>
    public static bool IsThere(SplitSharing sharing, SplitWorkspace work, IEnumerable<TaskStudy> tasks)
    {
        IReadOnlyList<string> names = sharing.Catalog.Names();
        return tasks.All(t => names.Contains(t.Definition(Suffix(work)).Name));
    }

    /// <summary>Starts those that take the trials; where there is nobody to start, takes trials until all tasks have theirs.</summary>
    public void Start(IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        if (_sharing.Launcher is null)
        {
            Work(progress, cancellation);
            return;
        }
        _workers = _sharing.Launcher.Launch();
        _sharing.Say?.Invoke($"started {_workers.Description}; logs: {_workers.Logs}");
    }

    /// <summary>Takes trials until all tasks have theirs.</summary>
    /// <returns>How many ended here.</returns>
    public int Work(IProgress<ProgressReport>? progress, CancellationToken cancellation) =>
        new SharedTrials([.. _studies.Select(s => new SharedStudy(s.Study, s.Task.Limit, s.Task.Trials()))], _work.Stands, _sharing.Say).Run(progress, cancellation);

    /// <summary>Waits until a task has its trials, and chooses among them.</summary>
    public StudyResult Result(TaskStudy task, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        Study study = _studies.First(s => s.Task == task).Study;
        StudyFollower.Follow(study, task.Limit, _workers, progress, cancellation);
        return task.Conclude(study, cancellation);
    }

    /// <summary>Removes the studies: what they found is in the release.</summary>
    public void Finish()
    {
        foreach ((_, _, Study study) in _studies)
            _sharing.Catalog.Delete(study.Definition.Name);
    }

    public void Dispose()
    {
        _workers?.Dispose();
        foreach ((_, IStudyStorage storage, _) in _studies)
            storage.Dispose();
    }

    private static SharedSearch Open(SplitSharing sharing, SplitWorkspace work, IEnumerable<TaskStudy> tasks, Func<StudyDefinition, IStudyStorage> open)
    {
        var search = new SharedSearch(sharing, work);
        try
        {
            foreach (TaskStudy task in tasks)
            {
                IStudyStorage storage = open(task.Definition(Suffix(work)));
                search._studies.Add((task, storage, task.Share(storage, sharing.Worker)));
            }
            return search;
        }
        catch
        {
            search.Dispose();
            throw;
        }
    }

    private static string Suffix(SplitWorkspace work) => "@" + work.Id;
}
