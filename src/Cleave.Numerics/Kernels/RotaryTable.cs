namespace Cleave.Numerics.Kernels;

/// <summary>cos and sin of position · theta^(−2i/D) for every position and every i below D/2, computed in double precision.</summary>
public sealed class RotaryTable
{
    private readonly float[] _cos;
    private readonly float[] _sin;

    /// <param name="headSize">D, even.</param>
    /// <param name="theta">The base of the frequencies; 10000 in the original paper.</param>
    /// <param name="positions">How many positions to tabulate.</param>
    /// <exception cref="ArgumentException">The head size is odd or not positive, theta is not positive, or positions is negative.</exception>
    public RotaryTable(int headSize, double theta, int positions) : this(Frequencies(headSize, theta), positions) { }

    /// <summary>A table from explicit frequencies in radians per position, for scaled variants of the rule; D/2 of them.</summary>
    /// <param name="magnitude">What cos and sin are multiplied with: 1, or the attention factor of YaRN and its kind.</param>
    public RotaryTable(ReadOnlySpan<double> frequencies, int positions, double magnitude = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(positions);
        if (frequencies.Length == 0)
            throw new ArgumentException("a rotary table needs at least one frequency", nameof(frequencies));
        HeadSize = 2 * frequencies.Length;
        Positions = positions;
        int half = frequencies.Length;
        _cos = new float[checked(positions * half)];
        _sin = new float[_cos.Length];
        for (int p = 0; p < positions; p++)
        {
            for (int i = 0; i < half; i++)
                (_sin[p * half + i], _cos[p * half + i]) = Pair(p * frequencies[i], magnitude);
        }
    }

    public int HeadSize { get; }
    public int Positions { get; }

    /// <summary>(positions, D/2)</summary>
    public ReadOnlySpan<float> Cos => _cos;

    /// <summary>(positions, D/2)</summary>
    public ReadOnlySpan<float> Sin => _sin;

    private static (float Sin, float Cos) Pair(double angle, double magnitude)
    {
        (double sin, double cos) = Math.SinCos(angle);
        return ((float)(sin * magnitude), (float)(cos * magnitude));
    }

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
