using Cleave.Numerics.Autograd;
using Cleave.Training.Optimizers;
using Cleave.Training.Schedules;

namespace Cleave.Training;

/// <summary>One finished update.</summary>
/// <param name="Step">Counted from 1.</param>
/// <param name="Loss">Mean over the update's micro-batches, in nats where the loss is a likelihood.</param>
/// <param name="GradientNorm">Before clipping.</param>
public readonly record struct TrainingStep(int Step, double Loss, double LearningRate, double GradientNorm);

/// <summary>
/// The training loop: micro-batches add up their gradients, then the optimizer updates. What a step trains on is a
/// function of its number alone, so a run continued at step n is the run that never stopped.
/// </summary>
/// <param name="optimizer">Holds the parameters.</param>
/// <param name="schedule">Learning rates by step.</param>
/// <param name="accumulate">Micro-batches an update.</param>
public sealed class Trainer(Optimizer optimizer, ISchedule schedule, int accumulate = 1)
{
    /// <summary>
    /// Runs from the optimizer's step to the schedule's last.
    /// </summary>
    /// <param name="loss">(tape, step from 0, micro-batch) → loss; it runs the model and records losses whose weights
    /// add up to 1/<c>accumulate</c>.</param>
    /// <param name="afterStep">Called after each update; returns false to stop early.</param>
    /// <exception cref="DivergedException">The loss or the gradient is not finite.</exception>
    public void Run(Func<Tape, int, int, double> loss, Func<TrainingStep, bool> afterStep, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(afterStep);
        using var tape = new Tape(records: true);
        while (optimizer.Step < schedule.TotalSteps)
        {
            cancellation.ThrowIfCancellationRequested();
            int step = optimizer.Step;
            double sum = 0;
            for (int micro = 0; micro < accumulate; micro++)
            {
                sum += loss(tape, step, micro);
                tape.Backward();
                tape.Reset();
            }
            double mean = sum / accumulate;
            if (!double.IsFinite(mean))
                throw new DivergedException(step + 1, "loss");
            double rate = schedule.At(step);
            double norm = optimizer.Update(rate);
            if (!afterStep(new TrainingStep(step + 1, mean, rate, norm)))
                return;
        }
    }
}
