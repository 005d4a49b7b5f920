using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Rotary position embedding (Su et al., 2021) in Hugging Face's pairing: element i turns with element i + D/2.</summary>
public static class Rotary
{
    /// <summary>
    /// Turns every head of every row in place: (x₁, x₂) ← (x₁ cos − x₂ sin, x₂ cos + x₁ sin); with
    /// <paramref name="inverse"/> by the opposite angle, which is the backward pass.
    /// </summary>
    /// <param name="x">(rows, heads · headSize)</param>
    /// <param name="positions">(rows)</param>
    /// <exception cref="ArgumentException">A length does not fit, or a position lies outside the table.</exception>
    public static void Apply(Span<float> x, ReadOnlySpan<int> positions, int heads, int headSize, RotaryTable table, bool inverse)
    {
        ArgumentNullException.ThrowIfNull(table);
        Guard.NotNegative(heads, nameof(heads));
        if (headSize != table.HeadSize)
            throw new ArgumentException($"headSize: the table is for {table.HeadSize}, got {headSize}", nameof(headSize));
        Guard.Length(x.Length, (long)positions.Length * heads * headSize, nameof(x));
        foreach (int position in positions)
        {
            if ((uint)position >= (uint)table.Positions)
                throw new ArgumentException($"positions: {position} lies outside the table of {table.Positions}", nameof(positions));
        }
        int half = headSize / 2;
        for (int r = 0; r < positions.Length; r++)
        {
            ReadOnlySpan<float> cos = table.Cos.Slice(positions[r] * half, half), sin = table.Sin.Slice(positions[r] * half, half);
            for (int h = 0; h < heads; h++)
                Turn(x.Slice((r * heads + h) * headSize, headSize), cos, sin, inverse ? -1 : 1);
        }
    }

    private static void Turn(Span<float> head, ReadOnlySpan<float> cos, ReadOnlySpan<float> sin, float sign)
    {
        int half = cos.Length;
        for (int i = 0; i < half; i++)
        {
            float first = head[i], second = head[i + half], s = sign * sin[i];
            head[i] = first * cos[i] - second * s;
            head[i + half] = second * cos[i] + first * s;
        }
    }
}
