using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Quantized;
using Cleave.Training.Optimizers;

namespace Cleave.Compression.Quantization;

/// <summary>
/// Trains a model to be rounded: every update sees rounded matrices, and its gradients change the exact ones, as if rounding were not
/// there (the straight-through estimator: Bengio et al., 2013; Jacob et al., 2018).
/// </summary>
public static class QuantizationAwareTraining
{
    /// <param name="model">Of float32 matrices; trained in place, its matrices exact afterwards.</param>
    /// <param name="format">By a matrix's name and inputs: the format, or null to leave it.</param>
    /// <returns>The loss of the last update with rounded matrices, in nats a token.</returns>
    /// <exception cref="CleaveException">The text is too short, or the loss is not finite.</exception>
    public static double Run(Transformer model, Func<string, int, BlockFormat?> format, HealingOptions options, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(options);
        var lesson = new Lesson(model, options);
        Rounded[] rounded = [.. model.Weights().Where(w => w.Weight is DenseLinear linear && format(w.Name, linear.Inputs) is not null)
            .Select(w => new Rounded((DenseLinear)w.Weight, format(w.Name, ((DenseLinear)w.Weight).Inputs)!.Value))];
        using var optimizer = new Optimizer(new ParameterGroup([.. model.Parameters()], new Adam()));
        using var tape = new Tape(records: true);
        double loss = double.NaN;
        while (optimizer.Step < options.Updates)
        {
            cancel.ThrowIfCancellationRequested();
            foreach (Rounded matrix in rounded)
                matrix.Round();
            loss = lesson.Loss(model, tape, optimizer.Step);
            if (!double.IsFinite(loss))
                throw new CleaveException($"the loss is not finite at update {optimizer.Step + 1}: lower the learning rate");
            tape.Backward();
            tape.Reset();
            foreach (Rounded matrix in rounded)
                matrix.Restore();
            optimizer.Update(options.Schedule.At(optimizer.Step));
            options.Report(progress, optimizer.Step, loss);
        }
        return loss;
    }

    /// <summary>A matrix that is rounded while the model runs and exact while it is changed.</summary>
    private sealed class Rounded(DenseLinear linear, BlockFormat format)
    {
        private readonly float[] _exact = new float[linear.Weight.Length];

        public void Round()
        {
            linear.Weight.Data.CopyTo(_exact);
            using var blocks = QuantizedMatrix.Quantize(format, _exact, linear.Outputs, linear.Inputs);
            blocks.Dequantize(linear.Weight.Data);
        }

        public void Restore() => _exact.CopyTo(linear.Weight.Data);
    }
}
