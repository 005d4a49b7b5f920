using System.Globalization;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Distributed;
using Cleave.Training.FineTuning.Options;
using Cleave.Training.Schedules;

namespace Cleave.Training.FineTuning;

/// <summary>One validation during a fine-tuning.</summary>
/// <param name="TrainLoss">Mean since the last one.</param>
public sealed record FineTunePoint(int Update, double TrainLoss, double ValidationLoss);

/// <summary>What a fine-tuning came to.</summary>
/// <param name="Model">With its head; what an adapter adds is in it.</param>
/// <param name="Weights">What was trained.</param>
/// <param name="BestUpdate">The update whose weights the model has, where the best ones are given back.</param>
public sealed record FineTuneResult(LanguageModel Model, TrainableWeights Weights, int Updates, IReadOnlyList<FineTunePoint> Curve, int? BestUpdate)
{
    public long TrainedParameters => Weights.Parameters.Sum(p => (long)p.Tensor.Length);
}

/// <summary>
/// Fine-tunes one model on one task. Sequences of a batch lie end to end and never see each other (<see cref="TokenBatch"/>), so nothing is
/// padded and nothing leaks. State is kept in a work folder at every validation and every few updates; a run that is continued ends with the bits
/// of one that never stopped.
/// </summary>
/// <param name="workFolder">Where the checkpoint is kept.</param>
/// <param name="seed">Of everything random.</param>
/// <param name="ranks">The processes that train together, all with the same options, items and seed: the first keeps the state. Null for this one alone.</param>
/// <param name="weightsSeed">Of weights that are new (a head, an adapter), where runs of several seeds begin at the same ones; null for the seed.</param>
public sealed class FineTuner(FineTuneOptions options, FineTuneData data, string workFolder, ulong seed, ICollective? ranks = null, ulong? weightsSeed = null)
{
    private readonly ICollective _ranks = ranks ?? OneProcess.Instance;
    private const int CheckpointEvery = 100;

    /// <summary>The checkpoint's file.</summary>
    public string CheckpointPath => RunFolder.CheckpointIn(workFolder);

    /// <summary>Called with the model at the end of every cycle of the schedule cyclic, before that is kept in the checkpoint: a run that is continued calls it again, or
    /// has called it.</summary>
    public Action<FineTuneResult>? AtCycleEnd { get; init; }

    /// <summary>A remark for people: what is different from the run that is being continued.</summary>
    public string? Remark { get; private set; }

    /// <summary>Trains the model's own weights (or an adapter on them), from the checkpoint where there is one.</summary>
    /// <exception cref="DivergedException">The loss became infinite or not a number; the last good checkpoint stays.</exception>
    public FineTuneResult Run(LanguageModel model, IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        Trainer.RequireEvenShares(options.Accumulate, _ranks);
        using var run = new FineTuneRun(options, data, model, seed, weightsSeed ?? seed, _ranks, cancellation);
        string fingerprint = FineTuneFingerprint.Of(options, data, run, seed), settings = options.ToString();
        if (_ranks.OfFirst(fingerprint) != fingerprint)
            throw new CleaveException($"process {_ranks.Rank} of the job has another model, other items or other settings than process 0: give all of them the same files");
        if (_ranks.OfFirst(File.Exists(CheckpointPath)))
        {
            IReadOnlyDictionary<string, string> notes = Checkpoint.Load(CheckpointPath, run.Optimizer, fingerprint, run.Copies);
            run.Restore(notes["state"]);
            if (notes["settings"] != settings)
                Remark = $"continuing update {run.Optimizer.Step} of a run with other settings";
        }
        void Save() => Checkpoint.Save(CheckpointPath, run.Optimizer, fingerprint, new Dictionary<string, string> { ["state"] = run.State(), ["settings"] = settings }, run.Copies);
        try
        {
            if (run.Stopped)
                return run.Finish();
            new Trainer(run.Optimizer, run.Schedule, options.Accumulate, run.Places).Run(run.Loss, step =>
            {
                bool goesOn = run.After(step);
                bool cycleEnds = AtCycleEnd is not null && run.Schedule is CyclicSchedule cyclic && cyclic.EndsCycle(step.Step);
                if (cycleEnds)
                    AtCycleEnd!(run.Snapshot());
                if (!goesOn || cycleEnds || run.AtValidation || step.Step % CheckpointEvery == 0 || step.Step == run.Updates)
                {
                    run.Optimizer.RequireFinite();
                    Save();
                }
                progress?.Report(new ProgressReport("train", step.Step, run.Updates, "updates", run.Note(step)));
                return goesOn;
            }, cancellation);
        }
        catch (DivergedException e) when (File.Exists(CheckpointPath))
        {
            throw Checkpoint.Kept(e, CheckpointPath);
        }
        return run.Finish();
    }

    /// <summary>
    /// The learning-rate range test: trains from a very low to a very high rate for some updates and gives the losses and a suggestion. The model is
    /// changed: it is to be thrown away.
    /// </summary>
    public (RangeTestSchedule Schedule, IReadOnlyList<double> Losses, double Suggestion) RangeTest(LanguageModel model, int updates, double low, double high,
        IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        using var run = new FineTuneRun(options, data, model, seed, weightsSeed ?? seed, OneProcess.Instance, cancellation);
        var schedule = new RangeTestSchedule(low, high, updates);
        var losses = new List<double>();
        try
        {
            new Trainer(run.Optimizer, schedule, options.Accumulate).Run(run.Loss, step =>
            {
                losses.Add(step.Loss);
                progress?.Report(new ProgressReport("range test", step.Step, updates, "updates", string.Create(CultureInfo.InvariantCulture, $"rate {step.LearningRate:0.0e+0}, loss {step.Loss:0.000}")));
                return step.Loss < 4 * losses.Min() + 1; // surely too high by now
            }, cancellation);
        }
        catch (DivergedException)
        {
            // That is what the test is for.
        }
        return losses.Count > 0 ? (schedule, losses, schedule.Suggest(losses)) : throw new CleaveException("the loss is not finite at the lowest learning rate already; the model or the data is damaged");
    }
}
