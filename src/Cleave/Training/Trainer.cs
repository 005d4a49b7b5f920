using Cleave.Numerics.Autograd;
using Cleave.Numerics.Distributed;
using Cleave.Training.Distributed;
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
/// function of its number alone, so a run continued at step n is the run that never stopped. Where several processes train together
/// (<see cref="Optimizer.Ranks"/>), an update's micro-batches are dealt to them one by one; losses and gradients are those of all.
/// </summary>
/// <param name="optimizer">Holds the parameters.</param>
/// <param name="schedule">Learning rates by step.</param>
/// <param name="accumulate">Micro-batches an update; of several processes each takes as many.</param>
/// <param name="places">Where the forward pass uses which parameters first, from its end to its beginning, so that processes exchange gradients
/// while the backward pass goes on; null to exchange them behind it.</param>
public sealed class Trainer(Optimizer optimizer, ISchedule schedule, int accumulate = 1, IReadOnlyList<ParameterPlace>? places = null)
{
    /// <summary>About how many numbers processes hand each other at once.</summary>
    internal int BucketFloats { get; init; } = Bucket.UsualFloats;

    /// <exception cref="CleaveException">Micro-batches cannot be dealt evenly.</exception>
    public static void RequireEvenShares(int accumulate, ICollective ranks)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        int next = (accumulate + ranks.Size - 1) / ranks.Size * ranks.Size;
        if (next != accumulate)
            throw new CleaveException($"an update's {accumulate} micro-batches cannot be dealt evenly to {ranks.Size} processes: set accumulate to a multiple of {ranks.Size}, such as {next}");
    }

    /// <summary>
    /// Runs from the optimizer's step to the schedule's last.
    /// </summary>
    /// <param name="loss">(tape, step from 0, micro-batch) → loss; it runs the model and records losses whose weights
    /// add up to 1 over the update's micro-batches.</param>
    /// <param name="afterStep">Called after each update; returns false to stop early.</param>
    /// <exception cref="DivergedException">The loss or the gradient is not finite.</exception>
    /// <exception cref="CleaveException">Micro-batches cannot be dealt evenly to the processes, or one of them failed.</exception>
    public void Run(Func<Tape, int, int, double> loss, Func<TrainingStep, bool> afterStep, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(afterStep);
        ICollective ranks = optimizer.Ranks;
        RequireEvenShares(accumulate, ranks);
        using var tape = new Tape(records: true);
        using GradientExchange? exchange = ranks.Size > 1 ? new GradientExchange(optimizer, places ?? [], BucketFloats) : null;
        while (optimizer.Step < schedule.TotalSteps)
        {
            if (exchange is null) // several processes stop together, behind an update's gradients
                cancellation.ThrowIfCancellationRequested();
            int step = optimizer.Step;
            double sum = 0;
            for (int micro = ranks.Rank; micro < accumulate; micro += ranks.Size)
            {
                if (micro + ranks.Size >= accumulate)
                    exchange?.Watch(tape);
                sum += loss(tape, step, micro);
                tape.Backward();
                tape.Reset();
            }
            double mean = (exchange?.Finish(tape, sum, cancellation) ?? sum) / accumulate;
            if (!double.IsFinite(mean))
                throw new DivergedException(step + 1, "loss");
            double rate = schedule.At(step);
            double norm = optimizer.Update(rate);
            exchange?.ShareWeights();
            if (!afterStep(new TrainingStep(step + 1, mean, rate, norm)))
                return;
        }
    }
}
