namespace Cleave.Serving.Allocation;

/// <summary>How much comes a second, lately: what came counts less the longer ago it was, by half its weight's e-fold each window.</summary>
/// <param name="window">Seconds in which a change of the rate is followed by two thirds.</param>
public sealed class ExponentialRate(double window)
{
    private readonly double _window = window > 0 ? window : throw new ArgumentOutOfRangeException(nameof(window), window, "a window is above 0");
    private double _value, _last;
    private double? _first;

    /// <param name="now">Seconds, not before the last call's.</param>
    public void Add(double amount, double now)
    {
        Decay(now);
        _value += amount / _window;
    }

    /// <summary>The rate a second. In the first window what has not been seen yet is not held against it.</summary>
    public double At(double now)
    {
        if (_first is not { } first)
            return 0;
        Decay(now);
        double seen = 1 - Math.Exp(-Math.Max(now - first, _window / 10) / _window);
        return _value / seen;
    }

    private void Decay(double now)
    {
        _first ??= now;
        if (now > _last)
        {
            _value *= Math.Exp(-(now - _last) / _window);
            _last = now;
        }
    }
}
