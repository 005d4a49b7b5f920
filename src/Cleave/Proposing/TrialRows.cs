namespace Cleave.Proposing;

/// <summary>
/// Writes trials as rows of numbers. Each parameter has a slot: for a number its coordinate and waves of it, so that rows of neighbours have large inner
/// products; for a choice one of a few codes; nothing where it takes no part. Behind the slots stand what all known trials say together and, for a
/// known trial, its value, for another one the forecast of a <see cref="ProcessAverage"/>.
/// </summary>
public sealed class TrialRows(ProposerShape shape)
{
    private const int Waves = 4, NumberColumns = 2 + 2 * Waves, ChoiceColumn = NumberColumns, CodeColumns = ChoiceColumn + 1, Behind = 14;

    private readonly int _slot = CodeColumns + shape.Codes;

    /// <summary>The length of a row.</summary>
    public int Columns => shape.Slots * _slot + Behind;

    /// <summary>A trial whose value is asked for.</summary>
    /// <param name="choices">For each parameter how many choices it has, or 0 for a number.</param>
    /// <param name="point">A unit coordinate or an index each, NaN for what takes no part.</param>
    /// <param name="average">Of the known trials.</param>
    /// <param name="start">K logits that the network's are added to.</param>
    public void Asked(IReadOnlyList<int> choices, ReadOnlySpan<double> point, ProcessAverage average, Span<float> row, Span<float> start)
    {
        ArgumentNullException.ThrowIfNull(choices);
        ArgumentNullException.ThrowIfNull(average);
        Place(choices, point, average, row);
        Forecast forecast = average.At(point);
        Span<float> behind = row[^Behind..];
        behind[10] = (float)forecast.Mean;
        behind[11] = (float)Math.Log(forecast.Deviation);
        behind[12] = (float)Math.Clamp((average.Best - forecast.Mean) / forecast.Deviation, -6, 6) / 2;
        behind[13] = (float)(forecast.Spread / forecast.Deviation);
        ProcessAverage.Logits(forecast, shape, start);
    }

    private void Place(IReadOnlyList<int> choices, ReadOnlySpan<double> point, ProcessAverage average, Span<float> row)
    {
        row.Clear();
        for (int d = 0; d < Math.Min(point.Length, shape.Slots); d++)
        {
            if (!double.IsNaN(point[d]))
                Slot(row.Slice(d * _slot, _slot), point[d], choices[d] > 0);
        }
        Span<float> behind = row[^Behind..];
        behind[0] = average.Known / 50f;
        behind[1] = MathF.Log(average.Known) / 2 - 1;
        behind[7] = (float)average.Certainty;
        behind[8] = (float)(average.Noise / 4);
        behind[9] = (float)average.Smoothness;
    }

    /// <summary>A trial whose value is known.</summary>
    /// <param name="value">Standardized.</param>
    /// <param name="rank">The share of the known trials that are better, from 0 to 1.</param>
    public void Known(IReadOnlyList<int> choices, ReadOnlySpan<double> point, ProcessAverage average, double value, double rank, Span<float> row)
    {
        ArgumentNullException.ThrowIfNull(choices);
        ArgumentNullException.ThrowIfNull(average);
        Place(choices, point, average, row);
        Span<float> behind = row[^Behind..];
        float v = (float)Math.Clamp(value, -5, 5);
        behind[2] = 1;
        behind[3] = v;
        behind[4] = v * v / 4;
        behind[5] = (float)(2 * rank - 1);
        behind[6] = rank == 0 ? 1 : 0;
    }

    /// <summary>For each value the share of the others that are less.</summary>
    public static double[] Ranks(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        double[] sorted = [.. values.Order()];
        return [.. values.Select(v => values.Count == 1 ? 0 : (double)FirstAtLeast(sorted, v) / (values.Count - 1))];
    }

    private static int FirstAtLeast(double[] sorted, double value)
    {
        int low = 0, high = sorted.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = sorted[middle] < value ? (middle + 1, high) : (low, middle);
        }
        return low;
    }

    private void Slot(Span<float> slot, double at, bool isChoice)
    {
        if (isChoice)
        {
            slot[ChoiceColumn] = 1;
            slot[CodeColumns + (int)at % shape.Codes] = 1;
            return;
        }
        slot[0] = 1;
        slot[1] = (float)(2 * at - 1);
        for (int w = 0; w < Waves; w++)
        {
            (double sin, double cos) = Math.SinCos(Math.PI * at * (1 << w));
            slot[2 + 2 * w] = (float)sin;
            slot[3 + 2 * w] = (float)cos;
        }
    }
}
