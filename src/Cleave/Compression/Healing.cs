using System.Globalization;
using Cleave.Compression.Pruning;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Training;
using Cleave.Training.Optimizers;
using Cleave.Training.Pretraining;
using Cleave.Training.Schedules;

namespace Cleave.Compression;

/// <summary>What a model is trained on after something was taken away from it.</summary>
/// <param name="Tokens">The text.</param>
/// <param name="Updates">How often.</param>
/// <param name="LearningRate">The highest.</param>
public sealed record HealingOptions(int[] Tokens, int Updates, double LearningRate = 3e-4, ulong Seed = 7)
{
    /// <summary>Tokens of a window, at most the model's context, and windows of an update.</summary>
    public int Context { get; init; } = 256;
    public int Batch { get; init; } = 8;

    internal CosineSchedule Schedule => new(LearningRate, Math.Max(1, Updates / 20), Updates);

    internal void Report(IProgress<ProgressReport>? progress, int step, double loss) =>
        progress?.Report(new ProgressReport("heal", step, Updates, "updates", string.Create(CultureInfo.InvariantCulture, $"loss {loss:0.000}")));
}

/// <summary>A text as batches of windows, each update's a function of its number.</summary>
internal sealed class Lesson
{
    private readonly TokenStream _stream;
    private readonly TokenBatch _batch = new();
    private readonly int[] _targets;
    private readonly int _context, _windows;

    /// <exception cref="CleaveException">The text is too short.</exception>
    public Lesson(Transformer model, HealingOptions options)
    {
        model.RequireContinuation();
        _context = Math.Min(options.Context, model.Spec.ContextLength);
        _windows = options.Batch;
        _stream = new TokenStream(options.Tokens, _context, options.Seed);
        _targets = new int[_windows * _context];
    }

    /// <summary>The model's loss on an update's windows, recorded.</summary>
    public double Loss(Transformer model, Tape tape, int step)
    {
        _batch.Clear();
        for (int b = 0; b < _windows; b++)
        {
            ReadOnlySpan<int> window = _stream.Window((long)step * _windows + b);
            _batch.Add(window[..^1]);
            window[1..].CopyTo(_targets.AsSpan(b * _context));
        }
        return model.Loss(tape, model.Forward(tape, _batch), _targets);
    }
}

/// <summary>Trains a pruned model to predict a text; weights that are zero stay zero.</summary>
public static class Healing
{
    /// <param name="model">Of float32 matrices; trained in place.</param>
    /// <param name="keepZeros">Whether the zeros among the layers' weights stay.</param>
    /// <returns>The loss of the last update, in nats a token.</returns>
    /// <exception cref="CleaveException">The text is too short, or the loss is not finite.</exception>
    public static double Run(Transformer model, HealingOptions options, bool keepZeros, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        var lesson = new Lesson(model, options);
        (DenseLinear Linear, bool[] Zero)[] zeros = keepZeros
            ? [.. WeightPruner.Matrices(model).Select(m => (m.Linear, m.Linear.Weight.Data.ToArray().Select(w => w == 0).ToArray()))] : [];
        using var optimizer = new Optimizer(new ParameterGroup([.. model.Parameters()], new Adam()));
        double last = double.NaN;
        new Trainer(optimizer, options.Schedule).Run((tape, step, _) => lesson.Loss(model, tape, step), step =>
        {
            last = step.Loss;
            foreach ((DenseLinear linear, bool[] zero) in zeros)
            {
                Span<float> weights = linear.Weight.Data;
                for (int i = 0; i < zero.Length; i++)
                    weights[i] = zero[i] ? 0 : weights[i];
            }
            options.Report(progress, step.Step, step.Loss);
            return true;
        }, cancel);
        return last;
    }
}
