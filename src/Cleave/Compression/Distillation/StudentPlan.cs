using Cleave.Compression.Calibration;
using Cleave.Compression.Pruning;
using Cleave.Models;
using Cleave.Numerics;

namespace Cleave.Compression.Distillation;

/// <summary>What a student keeps of its teacher; null for all of it.</summary>
/// <param name="Layers">Whole layers.</param>
/// <param name="Groups">Key-value groups a layer, each with the query heads that share it.</param>
/// <param name="Neurons">Feed-forward neurons a layer.</param>
public sealed record StudentPlan(int? Layers, int? Groups = null, int? Neurons = null)
{
    /// <summary>What decides which layers stay.</summary>
    public LayerCriterion By { get; init; } = LayerCriterion.Spaced;

    /// <summary>Tokens of the text that parts are chosen on.</summary>
    public int CalibrationTokens { get; init; } = 32_768;
}

/// <summary>Makes a student that begins as a part of its teacher (Sanh et al., 2019, DistilBERT).</summary>
public static class StudentMaker
{
    private const int Context = 256;

    /// <param name="name">The teacher's, for messages.</param>
    /// <param name="tokens">A text to choose parts on, where the plan looks at one.</param>
    /// <returns>The student in float32, and the teacher's layers that it has.</returns>
    /// <exception cref="CleaveException">The teacher has not so much of something, is quantized, or the text is too short.</exception>
    public static (Transformer Student, int[] Layers) Make(Transformer teacher, string name, StudentPlan plan, int[] tokens, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(teacher);
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(tokens);
        Check(teacher.Spec, name, plan);
        Transformer copy = DenseCopy.Of(teacher, name);
        bool narrower = plan.Groups is not null || plan.Neurons is not null;
        CalibrationText? text = narrower || plan.Layers < teacher.Layers.Count && LayerPruner.NeedsText(plan.By)
            ? new CalibrationText(tokens, Math.Min(Context, teacher.Spec.ContextLength), plan.CalibrationTokens, PruningJob.Widest(copy)) : null;
        int[] layers = plan.Layers < teacher.Layers.Count ? LayerPruner.Choose(copy, plan.Layers.Value, plan.By, text, progress, cancel) : [.. Enumerable.Range(0, teacher.Layers.Count)];
        Transformer student = copy.WithLayers(layers);
        if (narrower)
        {
            LayerSpec first = teacher.Spec.Layers[0];
            student = StructuredPruner.Prune(student, Importance.Measure(student, text!.Windows, causal: true),
                new PruningPlan(layers.Length, plan.Groups ?? first.KeyValueHeads, plan.Neurons ?? first.FeedForwardWidth));
        }
        return (student, layers);
    }

    private static void Check(TransformerSpec teacher, string name, StudentPlan plan)
    {
        bool narrower = plan.Groups is not null || plan.Neurons is not null;
        if (narrower && teacher.Layers.Select(l => (l.KeyValueHeads, l.FeedForwardWidth)).Distinct().Count() > 1)
            throw new CleaveException($"{name}: its layers have different widths; choose layers alone, or give the student as a model");
        Range("--layers", plan.Layers, teacher.Layers.Count, "layers");
        Range("--heads", plan.Groups, teacher.Layers.Select(l => l.KeyValueHeads).FirstOrDefault(), "key-value groups a layer");
        Range("--neurons", plan.Neurons, teacher.Layers.Select(l => l.FeedForwardWidth).FirstOrDefault(), "neurons a layer");

        void Range(string option, int? kept, int most, string what)
        {
            if (kept is { } n && (n < 1 || n > most))
                throw new CleaveException($"{option} {n}: {name} has {most} {what}, and the student keeps from 1 to {most} of them");
        }
    }
}
