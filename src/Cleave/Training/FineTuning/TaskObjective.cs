using Cleave.Data;
using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;
using Cleave.Training.Distillation;

namespace Cleave.Training.FineTuning;

/// <summary>How much a student listens to its teacher.</summary>
/// <param name="Weight">α: the loss is (1 − α)·hard + α·soft.</param>
/// <param name="Temperature">T of the soft targets.</param>
public sealed record DistillationOptions(float Weight, float Temperature);

/// <summary>Classes and rows that count more than others.</summary>
/// <param name="Weights">Of the head's classes, or empty for 1.</param>
/// <param name="Focus">γ of the focal loss, 0 for none.</param>
public sealed record ClassLossOptions(IReadOnlyList<float> Weights, float Focus);

/// <summary>The loss of one task on one transformer: classification, tagging, or predicting the next token.</summary>
/// <param name="head">The task's head; null for tasks whose head is the language model's own.</param>
/// <param name="classes">For tasks with a head; null to count all alike.</param>
public sealed class TaskObjective(TaskKind kind, Transformer trunk, TaskHead? head, float smoothing = 0, ClassLossOptions? classes = null)
{
    private readonly TaskStates _states = new(trunk, head);
    private readonly List<int> _rows = [];
    private readonly List<int> _targets = [];
    private readonly ClassLossOptions? _classes = classes;
    private readonly float[] _classWeights = [.. classes?.Weights ?? []];

    /// <summary>What mixes the texts of a batch while a classifier trains on it, or null.</summary>
    public Mixup? Mixup { get; init; }

    /// <summary>What the mean loss of a batch is over: its supervised rows, and these by the weights of their classes.</summary>
    public (double Rows, double Classes) Count(IReadOnlyList<TaskItem> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        double rows = items.Sum(i => (double)i.Supervised);
        return (rows, _classWeights.Length == 0 ? rows : items.SelectMany(i => i.Targets).Where(t => t >= 0).Sum(t => (double)_classWeights[t]));
    }

    /// <summary>Runs a batch and records its loss, times its share of the update. Returns the loss on the true answers and the teacher's, mixed.</summary>
    /// <param name="share">What the batch counts; null where it is its update's only one.</param>
    /// <param name="teacher">By item of the batch, or null to learn from the data alone.</param>
    public double Loss(Tape tape, IReadOnlyList<TaskItem> items, LossShare? share = null, Func<TaskItem, TeacherTargets>? teacher = null, DistillationOptions? distillation = null)
    {
        ArgumentNullException.ThrowIfNull(items);
        LossShare weight = share ?? LossShare.Whole;
        Tensor hidden = _states.Forward(tape, items);
        if (kind == TaskKind.Classify)
        {
            Collect(items, everyRow: true);
            if (Mixup is not null)
                return MixedTexts(tape, head!.Forward(tape, trunk.Reader, hidden, _states.Batch), weight.Rows);
            return Mixed(tape, head!.Forward(tape, trunk.Reader, hidden, _states.Batch), items, weight, teacher, distillation);
        }
        Collect(items, everyRow: false);
        Tensor supervised = Op.GatherRows(tape, hidden, _rows.ToArray());
        if (head is not null)
            return Mixed(tape, head.Projection.Forward(tape, supervised), items, weight, teacher, distillation);
        ISoftTargets? soft = teacher is null || distillation is null ? null : new SoftRows(items, teacher, distillation, smoothing);
        return trunk.Loss(tape, supervised, Targets(), smoothing, weight.Rows, soft);
    }

    // The head is affine and the shares add up to 1: mixing what it gives is mixing what it reads.
    private double MixedTexts(Tape tape, Tensor logits, float weight)
    {
        (int[] partners, float[] shares) = Mixup!.Draw(logits.Rows);
        Tensor targets = tape.New(logits.Rows, logits.Columns);
        targets.Data.Fill(smoothing / logits.Columns);
        for (int r = 0; r < logits.Rows; r++)
        {
            Span<float> row = targets.Data.Slice(r * logits.Columns, logits.Columns);
            row[_targets[r]] += (1 - smoothing) * shares[r];
            row[_targets[partners[r]]] += (1 - smoothing) * (1 - shares[r]);
        }
        return Op.SoftCrossEntropy(tape, Op.MixRows(tape, logits, partners, shares), targets.Data, 1, weight);
    }

    private double Mixed(Tape tape, Tensor logits, IReadOnlyList<TaskItem> items, LossShare weight, Func<TaskItem, TeacherTargets>? teacher, DistillationOptions? distillation)
    {
        if (teacher is null || distillation is null || distillation.Weight == 0)
            return Hard(tape, logits, weight.Classes);
        Tensor probabilities = tape.New(logits.Rows, logits.Columns);
        int row = 0;
        foreach (TaskItem item in items)
        {
            TeacherTargets targets = teacher(item);
            for (int r = 0; r < targets.Rows; r++, row++)
                targets.Probabilities(r, distillation.Temperature, probabilities.Data.Slice(row * logits.Columns, logits.Columns));
        }
        float alpha = distillation.Weight;
        double soft = Op.SoftCrossEntropy(tape, logits, probabilities.Data, distillation.Temperature, weight.Rows * alpha);
        double hard = alpha < 1 ? Hard(tape, logits, weight.Classes * (1 - alpha)) : 0;
        return alpha * soft + (1 - alpha) * hard;
    }

    // On the true answers.
    private double Hard(Tape tape, Tensor logits, float weight) => _classes is null ? Op.CrossEntropy(tape, logits, Targets(), smoothing, weight)
        : Op.ClassCrossEntropy(tape, logits, Targets(), _classWeights, _classes.Focus, smoothing, weight);

    private ReadOnlySpan<int> Targets() => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_targets);

    private void Collect(IReadOnlyList<TaskItem> items, bool everyRow)
    {
        _rows.Clear();
        _targets.Clear();
        int start = 0;
        foreach (TaskItem item in items)
        {
            for (int i = 0; i < item.Targets.Length; i++)
            {
                if (!everyRow && item.Targets[i] < 0)
                    continue;
                _rows.Add(start + i);
                _targets.Add(item.Targets[i]);
            }
            start += item.Rows;
        }
    }

    /// <summary>Mixes the true next token with the teacher's likeliest ones, row by row.</summary>
    private sealed class SoftRows : ISoftTargets
    {
        private readonly List<(TeacherTargets Targets, int Row)> _rows = [];
        private readonly DistillationOptions _options;
        private readonly float _smoothing;

        [ThreadStatic]
        private static float[]? _working;

        public SoftRows(IReadOnlyList<TaskItem> items, Func<TaskItem, TeacherTargets> teacher, DistillationOptions options, float smoothing)
        {
            (_options, _smoothing) = (options, smoothing);
            foreach (TaskItem item in items)
            {
                TeacherTargets targets = teacher(item);
                for (int r = 0; r < targets.Rows; r++)
                    _rows.Add((targets, r));
            }
        }

        public float ForwardBackward(Span<float> logits, int row, int target, float scale)
        {
            (TeacherTargets targets, int r) = _rows[row];
            if (_working is null || _working.Length < logits.Length)
                _working = new float[logits.Length];
            Span<float> probabilities = _working.AsSpan(0, logits.Length);
            targets.Probabilities(r, _options.Temperature, probabilities);
            (float hard, float soft) = MixedTargets.ForwardBackward(logits, probabilities, target, _options, scale, _smoothing);
            return MixedTargets.Mix(hard, soft, _options);
        }
    }
}
