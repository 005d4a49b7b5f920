using System.Text;
using Cleave.Numerics.Kernels;

namespace Cleave.Benchmarks.Limits;

/// <summary>Attention of one new token over a growing context: the time should grow with what is read and with nothing else.</summary>
internal static class DecodeTable
{
    private const int Heads = 9, KvHeads = 3, Size = 64;

    public static void Append(StringBuilder text, int runs)
    {
        text.AppendLine($"Decoding, one layer, {Heads} heads, {KvHeads} key-value heads of {Size}, float16:").AppendLine();
        text.AppendLine("| positions | us | ns a position | GB/s |").AppendLine("|---:|---:|---:|---:|");
        float[] q = Data.Random(Heads * Size), y = new float[q.Length], row = Data.Random(KvHeads * Size);
        using var pages = new KeyValuePages([KvHeads], Size);
        for (int positions = 128; positions <= 32768; positions *= 2)
        {
            while (pages.Length < positions - 1)
            {
                pages.Append(0, row, row);
                pages.Advance(1);
            }
            pages.Append(0, row, row);
            double seconds = Timing.Median(runs, () => Attention.Decode(q, [pages], 0, Heads, y));
            text.AppendLine($"| {positions} | {seconds * 1e6:f1} | {seconds * 1e9 / positions:f1} | {4.0 * positions * KvHeads * Size / seconds / 1e9:f1} |");
        }
        text.AppendLine();
    }
}
