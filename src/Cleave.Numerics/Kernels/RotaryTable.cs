namespace Cleave.Numerics.Kernels;

/// <summary>
/// cos and sin of position · theta^(−2i/D) for every i below D/2, computed in double precision. Positions are tabulated when
/// they are first asked for, so that the memory is that of the longest sequence and not of the longest allowed.
/// </summary>
public sealed class RotaryTable
{
    private const int Fewest = 64;

    private readonly double[] _frequencies;
    private readonly double _magnitude;
    private readonly Lock _growing = new();
    private volatile Angles _angles = new([], [], 0);

    /// <param name="headSize">D, even.</param>
    /// <param name="theta">The base of the frequencies; 10000 in the original paper.</param>
    /// <param name="positions">How many positions there may be.</param>
    /// <exception cref="ArgumentException">The head size is odd or not positive, theta is not positive, or positions is negative.</exception>
    public RotaryTable(int headSize, double theta, int positions) : this(Frequencies(headSize, theta), positions) { }

    /// <summary>A table from explicit frequencies in radians per position, for scaled variants of the rule; D/2 of them.</summary>
    /// <param name="magnitude">What cos and sin are multiplied with: 1, or the attention factor of YaRN and its kind.</param>
    public RotaryTable(ReadOnlySpan<double> frequencies, int positions, double magnitude = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(positions);
        if (frequencies.Length == 0)
            throw new ArgumentException("a rotary table needs at least one frequency", nameof(frequencies));
        (_frequencies, _magnitude, HeadSize, Positions) = (frequencies.ToArray(), magnitude, 2 * frequencies.Length, positions);
    }

    public int HeadSize { get; }
    public int Positions { get; }

    /// <summary>A table that holds at least the first <paramref name="count"/> positions and does not change; no lock and nothing allocated where it is there.</summary>
    /// <exception cref="ArgumentException">There are not so many positions, or an array cannot hold them.</exception>
    internal Angles First(int count)
    {
        Angles angles = _angles;
        return count <= angles.Count ? angles : Grow(count);
    }

    private Angles Grow(int count)
    {
        int half = _frequencies.Length, most = Math.Min(Positions, Array.MaxLength / half);
        if (count > most)
            throw new ArgumentException($"the table has room for {most} positions, but {count} are needed", nameof(count));
        lock (_growing)
        {
            Angles old = _angles;
            if (count <= old.Count)
                return old;
            // Doubling: each position is computed once and copied about once.
            int grown = (int)Math.Clamp(2L * old.Count, Math.Max(count, Math.Min(Fewest, most)), most);
            float[] cos = new float[grown * half], sin = new float[grown * half];
            old.Cos.CopyTo(cos, 0);
            old.Sin.CopyTo(sin, 0);
            for (int p = old.Count; p < grown; p++)
            {
                for (int i = 0; i < half; i++)
                    (sin[p * half + i], cos[p * half + i]) = Pair(p * _frequencies[i]);
            }
            return _angles = new Angles(cos, sin, grown);
        }
    }

    private (float Sin, float Cos) Pair(double angle)
    {
        (double sin, double cos) = Math.SinCos(angle);
        return ((float)(sin * _magnitude), (float)(cos * _magnitude));
    }

    /// <summary>cos and sin of the first positions, each (Count, D/2).</summary>
    internal sealed record Angles(float[] Cos, float[] Sin, int Count);

    /// <summary>θ^(−2i/D) for every i below D/2.</summary>
    public static double[] Frequencies(int headSize, double theta)
    {
        if (headSize < 2 || headSize % 2 != 0)
            throw new ArgumentException($"a rotary head size is even and positive, got {headSize}", nameof(headSize));
        if (!(theta > 0))
            throw new ArgumentException($"theta must be positive, got {theta}", nameof(theta));
        var frequencies = new double[headSize / 2];
        for (int i = 0; i < frequencies.Length; i++)
            frequencies[i] = Math.Pow(theta, -2.0 * i / headSize);
        return frequencies;
    }
}
