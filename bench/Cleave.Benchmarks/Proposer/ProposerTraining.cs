using System.Diagnostics;
using System.Globalization;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;
using Cleave.Proposing;
using Cleave.Training;
using Cleave.Training.FineTuning.Options;
using Cleave.Training.Optimizers;
using Cleave.Training.Schedules;
using Cleave.Tuning.Samplers.GaussianProcesses;

namespace Cleave.Benchmarks.Proposer;

/// <summary>Everything that decides a proposer's training.</summary>
internal sealed record ProposerRecipe
{
    public ProposerShape Shape { get; init; } = new();
    public ulong Seed { get; init; } = 7;
    public int Updates { get; init; } = 1500;

    /// <summary>Studies an update.</summary>
    public int Studies { get; init; } = 64;

    /// <summary>Points of a study whose values are to be told.</summary>
    public int Asked { get; init; } = 24;

    public string Optimizer { get; init; } = "muon";
    public double LearningRate { get; init; } = 3e-3;
    public int Trajectories { get; init; } = 200;

    /// <summary>Recipes tried of each real study.</summary>
    public int Recipes { get; init; } = 80;

    /// <summary>The folder of the public data sets, or null to learn from synthetic functions alone.</summary>
    public string? Data { get; init; }
}

/// <summary>
/// Trains a proposer: in each update it is told some trials of fresh studies and learns to tell the values of other points. The state is kept every few
/// hundred updates; a run that finds its own goes on from it.
/// </summary>
internal sealed class ProposerTraining
{
    private const int CheckpointEvery = 250, ReportEvery = 25, Held = 256;
    private const long FirstHeld = 1L << 40; // numbers of studies that no update reaches

    private readonly ProposerRecipe _recipe;
    private readonly StudyPrior _prior;
    private readonly ProposerNetwork _network;

    public ProposerTraining(ProposerRecipe recipe)
    {
        _recipe = recipe;
        Console.Error.WriteLine($"{recipe.Trajectories} trajectories of samplers …");
        Trajectory[] trajectories = [.. Enumerable.Range(0, recipe.Trajectories).Select(i => Trajectory.Draw(recipe.Seed, i, recipe.Shape.MostTrials))];
        Console.Error.WriteLine("real studies …");
        RealStudy[] real = recipe.Data is null ? [] : [.. RealObjective.ToLearn(recipe.Data).Select(r => r.Sample(recipe.Recipes, recipe.Seed))];
        _prior = new StudyPrior(recipe.Seed, recipe.Shape.MostTrials, recipe.Asked, trajectories, real);
        _network = ProposerNetwork.Create(recipe.Shape, Rng.For(recipe.Seed, "initial weights"));
    }

    /// <summary>Writes the model.</summary>
    public void Run(string path)
    {
        string checkpoint = path + ".checkpoint", fingerprint = _recipe.ToString();
        using Optimizer optimizer = OptimizerBuilder.Build(new OptimizerOptions { Name = _recipe.Optimizer, WeightDecay = 0.01 }, _network.Parameters, _recipe.Shape.Layers);
        if (File.Exists(checkpoint))
            Checkpoint.Load(checkpoint, optimizer, fingerprint);
        var watch = Stopwatch.StartNew();
        int first = optimizer.Step;
        double recent = double.NaN;
        new Trainer(optimizer, new CosineSchedule(_recipe.LearningRate, _recipe.Updates / 50 + 1, _recipe.Updates, 0.01)).Run((tape, step, _) => Loss(tape, (long)step * _recipe.Studies, _recipe.Studies), step =>
        {
            recent = double.IsNaN(recent) ? step.Loss : 0.98 * recent + 0.02 * step.Loss;
            if (step.Step % ReportEvery == 0)
            {
                double left = watch.Elapsed.TotalMinutes / (step.Step - first) * (_recipe.Updates - step.Step);
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{step.Step} of {_recipe.Updates}: loss {recent:0.0000}, norm {step.GradientNorm:0.00}, {left:0.0} minutes left"));
            }
            if (step.Step == 1 || step.Step % CheckpointEvery == 0 || step.Step == _recipe.Updates)
            {
                Checkpoint.Save(checkpoint, optimizer, fingerprint);
                ProposerModel.Save(_network, path);
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"held out: {HeldOutLoss():0.0000} nats"));
            }
            return true;
        });
    }

    private double HeldOutLoss()
    {
        using var tape = new Tape(records: false);
        return Loss(tape, FirstHeld, Held);
    }

    private double Loss(Tape tape, long firstStudy, int count)
    {
        PriorStudy[] studies = [.. Enumerable.Range(0, count).Select(i => _prior.Draw(firstStudy + i))];
        int rows = studies.Sum(s => s.Known.Length + s.Asked.Length);
        TrialRows form = _network.Rows;
        int bins = _recipe.Shape.Bins;
        Tensor x = tape.New(rows, form.Columns), start = tape.New(count * _recipe.Asked, bins);
        List<int> offsets = [0], knownOffsets = [0], known = [], asked = [], targets = [];
        foreach (PriorStudy study in studies)
        {
            int at = offsets[^1];
            PowerTransform transform = PowerTransform.Fit(study.Values);
            double[] values = [.. study.Values.Select(transform.Of)], ranks = TrialRows.Ranks(values);
            var average = new ProcessAverage(study.Choices, study.Known, values);
            for (int i = 0; i < values.Length; i++, at++)
            {
                form.Known(study.Choices, study.Known[i], average, values[i], ranks[i], Row(at));
                known.Add(at);
            }
            for (int i = 0; i < study.Asked.Length; i++, at++)
            {
                form.Asked(study.Choices, study.Asked[i], average, Row(at), start.Data.Slice(bins * asked.Count, bins));
                asked.Add(at);
                double answer = transform.Of(study.Answers[i]);
                targets.Add(double.IsFinite(answer) ? _recipe.Shape.BinOf(answer) : -1);
            }
            offsets.Add(at);
            knownOffsets.Add(known.Count);
        }
        Tensor logits = _network.Forward(tape, x, start, new StudyRows(offsets.ToArray(), knownOffsets.ToArray(), known.ToArray(), asked.ToArray()));
        return Op.CrossEntropy(tape, logits, targets.ToArray());

        Span<float> Row(int row) => x.Data.Slice(row * form.Columns, form.Columns);
    }
}
