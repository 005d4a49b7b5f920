using System.Text;
using Cleave.Numerics;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Threading;

namespace Cleave.Benchmarks.Limits;

/// <summary>Float matrix multiplication at square and training shapes.</summary>
internal static class MatMulTable
{
    private static readonly (string What, int M, int N, int K, bool TransposeA, bool TransposeB)[] Shapes =
    [
        ("128³ NN", 128, 128, 128, false, false),
        ("256³ NN", 256, 256, 256, false, false),
        ("512³ NN", 512, 512, 512, false, false),
        ("1024³ NN", 1024, 1024, 1024, false, false),
        ("1024³ NT", 1024, 1024, 1024, false, true),
        ("x(2048,256)·W(688,256)ᵀ, forward NT", 2048, 688, 256, false, true),
        ("dY(2048,688)·W(688,256), dX NN", 2048, 256, 688, false, false),
        ("dY(2048,688)ᵀ·x(2048,256), dW TN", 688, 256, 2048, true, false),
        ("x(2048,256)·W(256,256)ᵀ, forward NT", 2048, 256, 256, false, true),
        ("dY(2048,256)ᵀ·x(2048,256), dW TN", 256, 256, 2048, true, false),
        ("x(2048,256)·E(4096,256)ᵀ, logits NT", 2048, 4096, 256, false, true),
        ("x(1024,512)·W(1376,512)ᵀ, forward NT", 1024, 1376, 512, false, true),
        ("x(32,256)·W(688,256)ᵀ, NT", 32, 688, 256, false, true),
        ("x(8,2048)·W(2048,2048)ᵀ, NT", 8, 2048, 2048, false, true),
        ("x(1,2048)·W(5632,2048)ᵀ, NT", 1, 5632, 2048, false, true),
        ("x(1,2048)·W(2048,5632), NN", 1, 5632, 2048, false, false),
    ];

    // Forward with W transposed, and the gradients of the input and of the weights, of which the right operand is W, W and x.
    private static readonly (string What, int M, int N, int K, bool TransposeA, bool TransposeB)[] HalfShapes =
    [
        ("1024³ NT", 1024, 1024, 1024, false, true),
        ("x(2048,256)·W(688,256)ᵀ, forward NT", 2048, 688, 256, false, true),
        ("dY(2048,688)·W(688,256), dX NN", 2048, 256, 688, false, false),
        ("dY(2048,688)ᵀ·x(2048,256), dW TN", 688, 256, 2048, true, false),
        ("x(1,2048)·W(5632,2048)ᵀ, NT", 1, 5632, 2048, false, true),
    ];

    public static void Append(StringBuilder text, int runs, double limit)
    {
        text.AppendLine("| matmul | ms | GFLOP/s | % of the multiply-add limit | weights, GB/s |").AppendLine("|---|---:|---:|---:|---:|");
        foreach ((string what, int m, int n, int k, bool ta, bool tb) in Shapes)
        {
            float[] a = RandomFloats.Of(m * k), b = RandomFloats.Of(n * k), c = new float[m * n];
            double now = Math.Max(limit, Machine.FusedMultiplyAdd(ThreadTeam.Shared, 5));
            double seconds = Timing.Median(runs, () =>
                MatMul.Multiply(a, ta ? m : k, ta, b, tb ? k : n, tb, c, n, m, n, k, accumulate: ta));
            double rate = 2.0 * m * n * k / seconds / 1e9;
            text.AppendLine($"| {what} | {seconds * 1e3:f3} | {rate:f0} | {100 * rate / now:f0} | {4.0 * n * k / seconds / 1e9:f1} |");
        }
        text.AppendLine();
        text.AppendLine("| matmul, right operand in bfloat16 | ms | GFLOP/s | % of the multiply-add limit | weights, GB/s |").AppendLine("|---|---:|---:|---:|---:|");
        foreach ((string what, int m, int n, int k, bool ta, bool tb) in HalfShapes)
        {
            float[] a = RandomFloats.Of(m * k), c = new float[m * n];
            var b = new ushort[n * k];
            Conversion.FloatToBFloat16(RandomFloats.Of(n * k), b);
            double now = Math.Max(limit, Machine.FusedMultiplyAdd(ThreadTeam.Shared, 5));
            double seconds = Timing.Median(runs, () =>
                MatMul.Multiply(a, ta ? m : k, ta, b, HalfFormat.BFloat16, tb ? k : n, tb, c, n, m, n, k, accumulate: ta));
            double rate = 2.0 * m * n * k / seconds / 1e9;
            text.AppendLine($"| {what} | {seconds * 1e3:f3} | {rate:f0} | {100 * rate / now:f0} | {2.0 * n * k / seconds / 1e9:f1} |");
        }
        text.AppendLine();
    }
}

internal static class RandomFloats
{
    public static float[] Of(int length)
    {
        var rng = new Rng(1);
        var values = new float[length];
        for (int i = 0; i < length; i++)
            values[i] = rng.NextSingle() - 0.5f;
        return values;
    }
}
