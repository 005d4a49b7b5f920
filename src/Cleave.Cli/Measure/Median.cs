using System.Numerics;

namespace Cleave.Cli.Measure;

/// <summary>The middle of several measurements.</summary>
internal static class Median
{
    /// <summary>The median; the mean of the middle two where the count is even.</summary>
    public static double Of<T>(ReadOnlySpan<T> values) where T : INumber<T>
    {
        if (values.IsEmpty)
            throw new ArgumentException("a median of nothing", nameof(values));
        T[] sorted = values.ToArray();
        Array.Sort(sorted);
        int half = sorted.Length / 2;
        double middle = double.CreateChecked(sorted[half]);
        return sorted.Length % 2 == 1 ? middle : (double.CreateChecked(sorted[half - 1]) + middle) / 2;
    }
}
