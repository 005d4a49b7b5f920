using System.Numerics;
using System.Runtime.InteropServices;

namespace Cleave.Models.Bag;

/// <summary>The vector loops of a bag, over spans of equal length.</summary>
internal static class BagMath
{
    /// <summary>y += a·x.</summary>
    public static void AddScaled(Span<float> y, float a, ReadOnlySpan<float> x)
    {
        Span<Vector<float>> yv = MemoryMarshal.Cast<float, Vector<float>>(y);
        ReadOnlySpan<Vector<float>> xv = MemoryMarshal.Cast<float, Vector<float>>(x[..y.Length]);
        var av = new Vector<float>(a);
        for (int i = 0; i < yv.Length && i < xv.Length; i++)
            yv[i] = Vector.FusedMultiplyAdd(av, xv[i], yv[i]);
        for (int i = yv.Length * Vector<float>.Count; i < y.Length; i++)
            y[i] = MathF.FusedMultiplyAdd(a, x[i], y[i]);
    }

    /// <summary>Σ x·y.</summary>
    public static float Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        ReadOnlySpan<Vector<float>> xv = MemoryMarshal.Cast<float, Vector<float>>(x);
        ReadOnlySpan<Vector<float>> yv = MemoryMarshal.Cast<float, Vector<float>>(y[..x.Length]);
        Vector<float> sum = Vector<float>.Zero;
        for (int i = 0; i < xv.Length && i < yv.Length; i++)
            sum = Vector.FusedMultiplyAdd(xv[i], yv[i], sum);
        float total = Vector.Sum(sum);
        for (int i = xv.Length * Vector<float>.Count; i < x.Length; i++)
            total = MathF.FusedMultiplyAdd(x[i], y[i], total);
        return total;
    }
}
