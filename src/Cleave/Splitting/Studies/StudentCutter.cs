using Cleave.Compression.Calibration;
using Cleave.Compression.Pruning;
using Cleave.Data;
using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;
using Cleave.Splitting.Monoliths;
using Cleave.Splitting.Recipes;
using Cleave.Training.FineTuning;

namespace Cleave.Splitting.Studies;

/// <summary>A transformer student, and what it learns from in its own tokens.</summary>
/// <param name="Teacher">By <see cref="TaskItem.Example"/>.</param>
internal sealed record Student(LanguageModel Model, IReadOnlyList<TaskItem> Items, IReadOnlyList<TeacherTargets> Teacher);

/// <summary>Cuts students out of the monolith: what matters least to a task goes, and what is kept keeps its weights.</summary>
internal sealed class StudentCutter
{
    private const int MostProbes = 256, CalibrationTokens = 16_384;
    private readonly TaskContext _task;
    private readonly LanguageModel _monolith;
    private readonly Transformer _trunk;
    private readonly TeacherTargets[] _teacher;
    private readonly Importance _importance;
    private readonly Dictionary<int, double[]> _byLoss = []; // by layers kept

    public StudentCutter(TaskContext task, Monolith monolith, TeacherTargets[] teacher)
    {
        (_task, _monolith, _trunk, _teacher) = (task, monolith.Model, task.Trunk(monolith.Model), teacher);
        IEnumerable<TaskItem> probes = Probes;
        _importance = _trunk.Encoder is not null ? Importance.MeasureAnswers(_trunk, probes.Select(t => (t.Ids, t.DecoderIds!)))
            : Importance.Measure(_trunk, probes.Select(t => (t.Ids, t.Types)), _monolith.Head(task.Name)?.Causal ?? true);
    }

    private IEnumerable<TaskItem> Probes => _task.Train.Take(MostProbes);

    /// <summary>A student as the recipe shapes it, not trained yet.</summary>
    /// <exception cref="CleaveException">The model or the task's texts do not allow it.</exception>
    public Student Cut(TransformerRecipe recipe, CancellationToken cancellation)
    {
        Transformer trunk = StructuredPruner.Prune(_trunk, Scored(recipe, cancellation), new PruningPlan(recipe.Layers, recipe.Groups, recipe.FeedForward) { EncoderLayers = recipe.EncoderLayers });
        TaskHead? head = _monolith.Head(_task.Name) is { } original ? Copy(original) : null;
        var student = new Student(new LanguageModel(trunk, _monolith.Tokenizer, head is null ? [] : [head]) { Chat = _monolith.Chat }, _task.Train, _teacher);
        if (recipe.UsedVocabulary)
            student = WithUsedVocabulary(student);
        if (recipe.Width is { } width && width < trunk.Spec.Width)
        {
            CalibrationText text = Calibration(student);
            student = student with
            {
                Model = head is not null ? WidthPruner.PruneForHeads(student.Model, width, text, cancellation)
                    : student.Model with { Transformer = WidthPruner.Prune(student.Model.Transformer, width, text, null, cancellation).Model },
            };
        }
        return student;
    }

    /// <summary>The task's own texts, to measure what goes into a student's matrices.</summary>
    /// <exception cref="CleaveException">There are too few tokens for the student's widths.</exception>
    public CalibrationText Calibration(Student student) => new(student.Items.Select(i => i.Ids), CalibrationTokens, PruningJob.Widest(student.Model.Transformer))
    {
        Causal = student.Model.Head(_task.Name)?.Causal ?? true,
    };

    private Importance Scored(TransformerRecipe recipe, CancellationToken cancellation) => recipe.LayersBy switch
    {
        LayerCriterion.Position => _importance with { Layers = First(_importance.Layers), Encoder = _importance.Encoder is { } e ? e with { Layers = First(e.Layers) } : null },
        LayerCriterion.Loss => _importance with { Layers = ByLoss(recipe.Layers, cancellation) },
        _ => _importance,
    };

    private static double[] First(double[] layers) => [.. layers.Select((_, i) => (double)-i)];

    private double[] ByLoss(int kept, CancellationToken cancellation)
    {
        if (_byLoss.TryGetValue(kept, out double[]? scores))
            return scores;
        TaskHead? head = _monolith.Head(_task.Name);
        IReadOnlyList<TaskItem>[] batches = [.. new TaskBatches([.. Probes], 1024, 0).Epoch(0)];
        using var tape = new Tape(records: false);
        int[] layers = LayerPruner.ByLoss(_trunk, kept, model =>
        {
            var objective = new TaskObjective(_task.Kind, model, head);
            double sum = 0;
            foreach (IReadOnlyList<TaskItem> items in batches)
            {
                sum += items.Sum(i => i.Supervised) * objective.Loss(tape, items);
                tape.Reset();
            }
            return sum;
        }, null, cancellation);
        return _byLoss[kept] = [.. Enumerable.Range(0, _trunk.Layers.Count).Select(i => layers.Contains(i) ? 1.0 : 0)];
    }

    private Student WithUsedVocabulary(Student student)
    {
        bool writes = !_task.HasHead;
        IEnumerable<int> used = student.Items.SelectMany(i => writes ? i.Ids.Concat(i.Targets.Where(t => t >= 0)) : i.Ids);
        if (writes)
            used = used.Concat(student.Teacher.SelectMany(t => t.Likeliest));
        LanguageModel model = VocabularyPruner.Prune(student.Model, used, out int[] kept);
        var renumbered = new Dictionary<int, int>(kept.Select((old, place) => KeyValuePair.Create(old, place)));
        int[] Renumber(int[] ids) => [.. ids.Select(id => id < 0 ? id : renumbered[id])];
        return new Student(model, [.. student.Items.Select(i => new TaskItem(Renumber(i.Ids), writes ? Renumber(i.Targets) : i.Targets, i.Example) { Types = i.Types })],
            writes ? [.. student.Teacher.Select(t => t.Renumbered(renumbered))] : student.Teacher);
    }

    private static TaskHead Copy(TaskHead head) => new(head.Task, head.Kind, head.Labels,
        Tensor.From(head.Projection.Weight.Data, head.Projection.Outputs, head.Projection.Inputs),
        Tensor.From(head.Projection.Bias!.Data, 1, head.Projection.Outputs))
    { Causal = head.Causal, Pooling = head.Pooling };
}
