using System.Globalization;

namespace Cleave.Training.Schedules;

/// <summary>
/// Linear warm-up from 0 to the peak, then a learning rate that falls whenever the validation loss has not become better for a while. What it has
/// seen is its state, which checkpoints keep.
/// </summary>
/// <param name="peak">The first learning rate.</param>
/// <param name="warmupSteps">Steps until it is reached.</param>
/// <param name="factor">What the learning rate is multiplied with.</param>
/// <param name="patience">How many validations without improvement are borne.</param>
/// <param name="finalShare">The lowest learning rate, as a share of the peak.</param>
public sealed class PlateauSchedule(double peak, int warmupSteps, int totalSteps, double factor = 0.5, int patience = 2, double finalShare = 0.01) : ISchedule
{
    private const double Threshold = 1e-4; // what counts as better, relative to the best
    private double _share = 1, _best = double.PositiveInfinity;
    private int _worse;

    public int TotalSteps { get; } = totalSteps;

    public double At(int step) => peak * Warmup.Share(step, warmupSteps) * _share;

    /// <summary>Tells it of a validation loss.</summary>
    public void Observe(double loss)
    {
        if (loss < _best * (1 - Threshold))
        {
            (_best, _worse) = (loss, 0);
            return;
        }
        if (++_worse <= patience)
            return;
        (_share, _worse) = (Math.Max(_share * factor, finalShare), 0);
    }

    /// <summary>What it has seen, as a checkpoint's note.</summary>
    public string State
    {
        get => string.Create(CultureInfo.InvariantCulture, $"{_share:R} {_best:R} {_worse}");
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            string[] parts = value.Split(' ');
            _share = double.Parse(parts[0], CultureInfo.InvariantCulture);
            _best = double.Parse(parts[1], CultureInfo.InvariantCulture);
            _worse = int.Parse(parts[2], CultureInfo.InvariantCulture);
        }
    }
}
