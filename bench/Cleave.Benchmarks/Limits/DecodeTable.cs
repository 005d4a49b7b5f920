using System.Text;
using Cleave.Numerics.Kernels;

namespace Cleave.Benchmarks.Limits;

/// <summary>Attention of one new token over a growing context: the time should grow with what is read and with nothing else.</summary>
internal static class DecodeTable
{
    private const int Heads = 9, KvHeads = 3, Size = 64, Shortest = 128, Longest = 32768;
    private const int PlotWidth = 48;

    public static void Append(StringBuilder text, int runs)
    {
        text.AppendLine($"Decoding, one layer, {Heads} heads, {KvHeads} key-value heads of {Size}:").AppendLine();
        text.AppendLine("| positions | float16, us | ns a position | GB/s | int8, us | ns a position |").AppendLine("|---:|---:|---:|---:|---:|---:|");
        var rows = new List<(int Positions, double Half, double Int8)>();
        for (int positions = Shortest; positions <= Longest; positions *= 2)
        {
            double half = Time(positions, KeyValueFormat.Float16, runs), int8 = Time(positions, KeyValueFormat.Int8, runs);
            rows.Add((positions, half, int8));
            text.AppendLine($"| {positions} | {half * 1e6:f1} | {half * 1e9 / positions:f1} | {4.0 * positions * KvHeads * Size / half / 1e9:f1} "
                + $"| {int8 * 1e6:f1} | {int8 * 1e9 / positions:f1} |");
        }
        text.AppendLine().AppendLine("Both axes logarithmic, `#` float16, `o` int8 (`*` both); a straight line of this slope is a cost in proportion to the context:").AppendLine();
        Plot(text, rows);
    }

    /// <summary>One layer's pages with so many positions appended, all but the last counted.</summary>
    public static KeyValuePages Pages(int kvHeads, int size, int positions, KeyValueFormat format)
    {
        var pages = new KeyValuePages([kvHeads], size, format);
        float[] rows = RandomFloats.Of(positions * kvHeads * size);
        ReadOnlySpan<float> read = rows.AsSpan(0, (positions - 1) * kvHeads * size), newest = rows.AsSpan((positions - 1) * kvHeads * size);
        pages.Append(0, read, read);
        pages.Advance(positions - 1);
        pages.Append(0, newest, newest);
        return pages;
    }

    private static double Time(int positions, KeyValueFormat format, int runs)
    {
        float[] q = RandomFloats.Of(Heads * Size), y = new float[q.Length];
        using KeyValuePages pages = Pages(KvHeads, Size, positions, format);
        return Timing.Median(runs, () => Attention.Decode(q, [pages], 0, Heads, y));
    }

    private static void Plot(StringBuilder text, List<(int Positions, double Half, double Int8)> rows)
    {
        double least = Math.Log2(rows.Min(r => Math.Min(r.Half, r.Int8))), most = Math.Log2(rows.Max(r => Math.Max(r.Half, r.Int8)));
        int At(double seconds) => (int)Math.Round((Math.Log2(seconds) - least) / (most - least) * (PlotWidth - 1));
        text.AppendLine("```");
        foreach ((int positions, double half, double int8) in rows)
        {
            char[] line = [.. Enumerable.Repeat(' ', PlotWidth)];
            line[At(int8)] = 'o';
            line[At(half)] = At(half) == At(int8) ? '*' : '#';
            text.AppendLine($"{positions,6} |{new string(line).TrimEnd()}");
        }
        text.AppendLine($"{"us",6} |{Math.Pow(2, least) * 1e6:f0}{new string(' ', PlotWidth - 8)}{Math.Pow(2, most) * 1e6:f0}").AppendLine("```").AppendLine();
    }
}
