namespace Cleave.Tuning.Samplers.GaussianProcesses;

/// <summary>The processes of a study's objectives and constraints over some of its trials.</summary>
internal sealed class GpModel
{
    private readonly GaussianProcess[] _processes;
    private readonly double[][] _outputs; // objectives, then constraints: the processes' scale
    private readonly int[] _seen;
    private readonly GpData _data;

    public GpModel(GpData data, int[] seen, GaussianHyper[] hypers)
    {
        (_data, _seen) = (data, seen);
        double[][] columns = data.Columns(seen);
        // A constraint's limit, 0, is bent with its values.
        _outputs = [.. data.Losses.Select(o => PowerTransform.Apply([.. seen.Select(t => o[t])])),
            .. data.Constraints.Select(c => PowerTransform.Apply([.. seen.Select(t => c[t]), 0]))];
        _processes = [.. hypers.Select((h, o) => new GaussianProcess(columns, data.IsChoice, _outputs[o][..seen.Length], h))];
        if (data.Running.Length > 0)
            _processes = Believe(hypers);
    }

    public Acquisition Acquisition(int objectives, int[] feasible, SearchBox box)
    {
        (GaussianProcess, double)[] constraints = Limits(objectives);
        int[] good = [.. Enumerable.Range(0, _seen.Length).Where(i => Array.BinarySearch(feasible, _seen[i]) >= 0 && box.Contains(_data.Point(_seen[i]), _data.IsChoice))];
        if (objectives == 1)
            return new ExpectedImprovement(_processes[0], good.Length > 0 ? good.Min(i => _outputs[0][i]) : null, constraints, _data.IsChoice.Length);
        double[][] losses = [.. good.Select(i => _outputs[..objectives].Select(o => o[i]).ToArray())];
        double[][] front = [.. ParetoFront.Nondominated(losses).Select(i => losses[i])];
        return new HypervolumeGain(_processes[..objectives], front, constraints, gain: 0.5);
    }

    /// <summary>Of one objective that is known; only the constraints are uncertain.</summary>
    public Acquisition Acquisition(Func<ParameterSet, double> known, IReadOnlyCollection<ParameterSet> feasible) =>
        new KnownImprovement(known, feasible.Count > 0 ? feasible.Min(known) : null, Limits(1));

    // The constraints' processes, and what may not be exceeded on their scales.
    private (GaussianProcess Process, double Limit)[] Limits(int objectives) =>
        [.. Enumerable.Range(objectives, _processes.Length - objectives).Select(c => (_processes[c], _outputs[c][^1]))];

    /// <summary>The same processes with each running trial at the value that they expect of it ("kriging believer", Ginsbourger et al., 2010).</summary>
    private GaussianProcess[] Believe(GaussianHyper[] hypers)
    {
        int[] running = [.. Enumerable.Range(_data.Ended.Length, _data.Running.Length)];
        double[][] columns = _data.Columns([.. _seen, .. running]);
        return [.. _processes.Select((p, o) => new GaussianProcess(columns, _data.IsChoice,
            [.. _outputs[o][.._seen.Length], .. running.Select(r => p.Predict(_data.Point(r)).Mean)], hypers[o]))];
    }
}
