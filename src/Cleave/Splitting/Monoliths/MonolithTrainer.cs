using System.Globalization;
using Cleave.Data;
using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;
using Cleave.Splitting.Projects;
using Cleave.Training;
using Cleave.Training.FineTuning;
using Cleave.Training.Optimizers;
using Cleave.Training.Schedules;

namespace Cleave.Splitting.Monoliths;

/// <summary>One point of the monolith's learning curve.</summary>
/// <param name="Loss">By task, mean since the last point.</param>
public sealed record MonolithPoint(int Step, IReadOnlyDictionary<string, double> Loss);

/// <summary>
/// Fine-tunes the base on every task at once: one trunk, one head a task, batches of all tasks mixed. The state is kept
/// every few updates, so an interrupted run continues and ends the same.
/// </summary>
public sealed class MonolithTrainer(MonolithOptions options, ulong seed, string checkpointPath)
{
    private const int CheckpointEvery = 100, CurvePoints = 40;

    /// <summary>Trains <paramref name="model"/>'s own weights and returns it with its new heads.</summary>
    public (LanguageModel Model, IReadOnlyList<MonolithPoint> Curve) Train(LanguageModel model, IReadOnlyList<TaskContext> tasks, string fingerprint,
        IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tasks);
        TaskHead[] heads = [.. tasks.Where(t => t.HasHead).Select(t => NewHead(t, model.Transformer.Spec.Width))];
        var result = model with { Heads = heads };
        List<(string, Tensor)> parameters = [.. model.Transformer.Parameters()];
        foreach (TaskHead head in heads)
        {
            parameters.Add((WeightNames.Head(head.Task), head.Projection.Weight));
            parameters.Add((WeightNames.HeadBias(head.Task), head.Projection.Bias!));
        }
        using var optimizer = new Optimizer(new ParameterGroup(parameters, new Adam(Beta2: 0.99f)) { WeightDecay = 0.05f });
        List<(TaskContext Task, IReadOnlyList<TaskItem> Items)> plan = Plan(tasks);
        var schedule = new CosineSchedule(options.LearningRate, Math.Max(1, plan.Count / 20), plan.Count, 0.05);
        var curve = new Curve(tasks, Math.Max(1, plan.Count / CurvePoints));
        if (File.Exists(checkpointPath))
            curve.Restore(Checkpoint.Load(checkpointPath, optimizer, fingerprint)["curve"]);
        Dictionary<string, TaskObjective> objectives = tasks.ToDictionary(t => t.Name,
            t => new TaskObjective(t.Kind, model.Transformer, result.Head(t.Name), t.Kind == TaskKind.Classify ? 0.05f : 0), StringComparer.Ordinal);
        Dictionary<string, ItemNoise> noise = tasks.ToDictionary(t => t.Name, t => t.Noise(seed, "monolith"), StringComparer.Ordinal);
        new Trainer(optimizer, schedule).Run((tape, step, _) =>
        {
            (TaskContext task, IReadOnlyList<TaskItem> items) = plan[step];
            double loss = objectives[task.Name].Loss(tape, noise[task.Name].Apply(items, step));
            curve.Add(task.Name, loss);
            return loss;
        }, step =>
        {
            curve.Close(step.Step);
            if (step.Step % CheckpointEvery == 0 || step.Step == plan.Count)
                Checkpoint.Save(checkpointPath, optimizer, fingerprint, new Dictionary<string, string> { ["curve"] = curve.Text() });
            progress?.Report(new ProgressReport("monolith: train", step.Step, plan.Count, "updates", string.Create(CultureInfo.InvariantCulture, $"loss {step.Loss:0.000}")));
            return true;
        }, cancellation);
        return (result, curve.Points);
    }

    /// <summary>A fresh head for a task.</summary>
    private TaskHead NewHead(TaskContext task, int width) => TaskHead.Create(task.Name,
        task.Kind == TaskKind.Classify ? HeadKind.Classify : HeadKind.Tag,
        task.Kind == TaskKind.Classify ? task.Data.Labels : task.Encoder.Scheme!.Tags, width, Rng.For(seed, $"head {task.Name}"));

    /// <summary>Every update's task and items: each epoch, all batches of all tasks in a shuffled order.</summary>
    private List<(TaskContext, IReadOnlyList<TaskItem>)> Plan(IReadOnlyList<TaskContext> tasks)
    {
        var plan = new List<(TaskContext, IReadOnlyList<TaskItem>)>();
        for (int epoch = 0; epoch < options.Epochs; epoch++)
        {
            (TaskContext, IReadOnlyList<TaskItem>)[] all = [.. tasks.SelectMany(t =>
                t.Batches(options.BatchTokens, t.Seed(seed, "monolith")).Epoch(epoch).Select(b => (t, b)))];
            Rng.For(seed, $"monolith epoch {epoch}").Shuffle(all.AsSpan());
            plan.AddRange(all);
        }
        return plan;
    }

    /// <summary>Mean losses by task, a point every few updates; goes into the checkpoint as text.</summary>
    private sealed class Curve(IReadOnlyList<TaskContext> tasks, int every)
    {
        private readonly Dictionary<string, (double Sum, int Count)> _open = new(StringComparer.Ordinal);
        private readonly List<MonolithPoint> _points = [];

        public IReadOnlyList<MonolithPoint> Points => _points;

        public void Add(string task, double loss)
        {
            (double sum, int count) = _open.GetValueOrDefault(task);
            _open[task] = (sum + loss, count + 1);
        }

        public void Close(int step)
        {
            if (step % every != 0)
                return;
            _points.Add(new MonolithPoint(step, tasks.Where(t => _open.ContainsKey(t.Name))
                .ToDictionary(t => t.Name, t => _open[t.Name].Sum / _open[t.Name].Count, StringComparer.Ordinal)));
            _open.Clear();
        }

        // One line a point: step, then task=mean; last the open sums.
        public string Text() => string.Join('\n', _points.Select(p => p.Step.ToString(CultureInfo.InvariantCulture) + string.Concat(
                p.Loss.Select(l => string.Create(CultureInfo.InvariantCulture, $" {l.Key}={l.Value:R}")))))
            + "\nopen" + string.Concat(_open.OrderBy(o => o.Key, StringComparer.Ordinal).Select(o => string.Create(CultureInfo.InvariantCulture, $" {o.Key}={o.Value.Sum:R}/{o.Value.Count}")));

        public void Restore(string text)
        {
            foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                string[] parts = line.Split(' ');
                var pairs = parts.Skip(1).Select(p => p.Split('=')).ToList();
                if (parts[0] == "open")
                {
                    foreach (string[] pair in pairs)
                        _open[pair[0]] = (double.Parse(pair[1].Split('/')[0], CultureInfo.InvariantCulture), int.Parse(pair[1].Split('/')[1], CultureInfo.InvariantCulture));
                }
                else
                {
                    _points.Add(new MonolithPoint(int.Parse(parts[0], CultureInfo.InvariantCulture),
                        pairs.ToDictionary(p => p[0], p => double.Parse(p[1], CultureInfo.InvariantCulture), StringComparer.Ordinal)));
                }
            }
        }
    }
}
