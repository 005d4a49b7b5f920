using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// Up to one part's rows: all of A is packed beforehand, and each part packs the panel of B that it is about to use
/// into its own cache, so that B is read once and never written.
/// </summary>
public static unsafe partial class MatMul
{
    private const int LongestPackedRow = 16384; // what is packed of A at once: at most 72 rows of these, 4.5 MiB

    private static void FewRows<TTile, TB>(in Product x, ThreadTeam? team) where TTile : struct, ITile where TB : struct, IElement
    {
        int panels = (x.M + TTile.Rows - 1) / TTile.Rows, whole = Math.Min(x.K, LongestPackedRow), depth = PassLength(whole);
        using Scratch scratch = Scratch.Rent((long)panels * TTile.Rows * whole);
        for (int k0 = 0; k0 < x.K; k0 += whole)
        {
            int k = Math.Min(whole, x.K - k0);
            for (int p = 0; p < k; p += depth)
            {
                Pack<Float32Element>(x.A, x.Lda, !x.TransposeA, 0, x.M, k0 + p, Math.Min(depth, k - p), 0, panels, TTile.Rows,
                    scratch.Pointer + (nint)p * panels * TTile.Rows);
            }
            var body = new FewRowsPart<TTile, TB> { X = x, PanelsA = scratch.Pointer, K0 = k0, K = k, Depth = depth };
            int count = (x.N + TTile.Columns - 1) / TTile.Columns;
            body.PanelsPerPart = team is null ? count : Math.Max(1, count / (8 * team.Threads));
            int parts = (count + body.PanelsPerPart - 1) / body.PanelsPerPart;
            ThreadTeam.Run(team, parts, ref body);
        }
    }

    private struct FewRowsPart<TTile, TB> : IPart where TTile : struct, ITile where TB : struct, IElement
    {
        public Product X;
        public float* PanelsA;
        public int K0, K, Depth, PanelsPerPart;

        public readonly void Invoke(int part)
        {
            int width = TTile.Columns, first = part * PanelsPerPart * width, end = Math.Min(X.N, first + PanelsPerPart * width);
            int rows = RoundUp(X.M, TTile.Rows);
            using Scratch panel = Scratch.Rent((long)width * Depth);
            for (int j = first; j < end; j += width)
            {
                int columns = Math.Min(width, end - j);
                for (int p = 0; p < K; p += Depth)
                {
                    int length = Math.Min(Depth, K - p);
                    Pack<TB>(X.B, X.Ldb, X.TransposeB, j, columns, K0 + p, length, 0, 1, width, panel.Pointer);
                    Column<TTile>(PanelsA + (nint)p * rows, panel.Pointer, length, X.C + j, X.Ldc, X.M, columns, X.Accumulate || K0 + p > 0);
                }
            }
        }
    }
}
