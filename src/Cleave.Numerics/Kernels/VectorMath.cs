using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Element-wise operations and reductions over spans of float.</summary>
public static partial class VectorMath
{
    /// <summary>destination[i] = a[i] + b[i]; the destination may be one of the operands.</summary>
    public static void Add(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> destination)
    {
        Guard.Length(b.Length, a.Length, nameof(b));
        Guard.Length(destination.Length, a.Length, nameof(destination));
        for (int i = 0; i < a.Length; i++)
            destination[i] = a[i] + b[i];
    }

    /// <summary>destination[i] += source[i].</summary>
    public static void AddInPlace(Span<float> destination, ReadOnlySpan<float> source) => Add(destination, source, destination);

    /// <summary>destination[i] += scale · source[i].</summary>
    public static void AddScaled(Span<float> destination, ReadOnlySpan<float> source, float scale)
    {
        Guard.Length(source.Length, destination.Length, nameof(source));
        for (int i = 0; i < destination.Length; i++)
            destination[i] += scale * source[i];
    }

    /// <summary>destination[i] = a[i] · b[i]; the destination may be one of the operands.</summary>
    public static void Multiply(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> destination)
    {
        Guard.Length(b.Length, a.Length, nameof(b));
        Guard.Length(destination.Length, a.Length, nameof(destination));
        for (int i = 0; i < a.Length; i++)
            destination[i] = a[i] * b[i];
    }

    /// <summary>destination[i] *= scale.</summary>
    public static void Scale(Span<float> destination, float scale)
    {
        for (int i = 0; i < destination.Length; i++)
            destination[i] *= scale;
    }

    /// <summary>destination[i] = e^source[i], within 2 units in the last place; the two may be the same span.</summary>
    public static void Exp(ReadOnlySpan<float> source, Span<float> destination)
    {
        Guard.Length(destination.Length, source.Length, nameof(destination));
        for (int i = 0; i < source.Length; i++)
            destination[i] = MathF.Exp(source[i]);
    }

    /// <summary>Σ a[i] · b[i].</summary>
    public static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        Guard.Length(b.Length, a.Length, nameof(b));
        float sum = 0;
        for (int i = 0; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }

    /// <summary>Σ a[i]², in an order that does not depend on the threads.</summary>
    public static double SumOfSquares(ReadOnlySpan<float> a)
    {
        double sum = 0;
        foreach (float x in a)
            sum += (double)x * x;
        return sum;
    }

    /// <summary>The largest element; NaN if there is one.</summary>
    /// <exception cref="ArgumentException">The span is empty.</exception>
    public static float Max(ReadOnlySpan<float> a)
    {
        Guard.AtLeast(a.Length, 1, nameof(a));
        float max = a[0];
        foreach (float x in a)
            max = MathF.Max(max, x);
        return max;
    }
}
