using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// The general way (Goto and van de Geijn, 2008): both operands are copied into panels that tiles read in order,
/// once for all threads, then the blocks of C are computed independently.
/// </summary>
public static unsafe partial class MatMul
{
    // Inner length of one pass: a panel of B (16 KiB) and one of A (6 KiB) stay in a first-level cache of 32 KiB.
    private const int InnerDepth = 256;

    // Rows of C that one part computes: their panels of A (120 KiB a pass) stay in the second-level cache.
    private const int PartRows = 120;

    // What is packed at once: at most 8 MiB of each operand, which the last-level cache can hold.
    private const int ChunkDepth = 1024;
    private const int ChunkSide = 2048;

    private const long ThreadedFrom = 500_000; // multiply-adds: about 15 microseconds of one core

    private static void Packed<TTile>(in Product x) where TTile : struct, ITile
    {
        int rows = RoundUp(Math.Min(x.M, ChunkSide), TTile.Rows), columns = RoundUp(Math.Min(x.N, ChunkSide), TTile.Columns);
        int depth = Math.Min(x.K, ChunkDepth);
        ThreadTeam? team = x.Work >= ThreadedFrom ? ThreadTeam.Current : null;
        using Scratch panels = Scratch.Rent((long)(rows + columns) * depth);
        for (int m0 = 0; m0 < x.M; m0 += ChunkSide)
        {
            for (int n0 = 0; n0 < x.N; n0 += ChunkSide)
            {
                for (int k0 = 0; k0 < x.K; k0 += ChunkDepth)
                {
                    var chunk = new Chunk<TTile>
                    {
                        X = x,
                        M0 = m0,
                        N0 = n0,
                        K0 = k0,
                        M = Math.Min(ChunkSide, x.M - m0),
                        N = Math.Min(ChunkSide, x.N - n0),
                        K = Math.Min(ChunkDepth, x.K - k0),
                        PanelsA = panels.Pointer,
                        PanelsB = panels.Pointer + (nint)rows * depth,
                    };
                    chunk.Compute(team);
                }
            }
        }
    }

    private static int RoundUp(int value, int unit) => (value + unit - 1) / unit * unit;

    /// <summary>One packed piece of a product: first packing, then multiplying, each in parts.</summary>
    private struct Chunk<TTile> : IPart where TTile : struct, ITile
    {
        public Product X;
        public int M0, N0, K0, M, N, K;
        public float* PanelsA, PanelsB;
        private bool _packing;
        private int _panelsPerPart, _partRows, _partColumns, _columnParts;

        private readonly int CountA => (M + TTile.Rows - 1) / TTile.Rows;
        private readonly int CountB => (N + TTile.Columns - 1) / TTile.Columns;

        public void Compute(ThreadTeam? team)
        {
            int threads = team?.Threads ?? 1;
            _packing = true;
            _panelsPerPart = Math.Max(1, (CountA + CountB) / (4 * threads));
            Run(team, (CountA + CountB + _panelsPerPart - 1) / _panelsPerPart);

            _packing = false;
            int rowParts = (M + PartRows - 1) / PartRows;
            _partRows = RoundUp((M + rowParts - 1) / rowParts, TTile.Rows);
            rowParts = (M + _partRows - 1) / _partRows;
            _columnParts = 1;
            // At least four parts a thread as far as columns allow, so that a delayed thread holds up little.
            while (threads > 1 && rowParts * _columnParts < 4 * threads && N / (_columnParts + 1) >= 3 * TTile.Columns)
                _columnParts++;
            _partColumns = RoundUp((N + _columnParts - 1) / _columnParts, TTile.Columns);
            _columnParts = (N + _partColumns - 1) / _partColumns;
            Run(team, rowParts * _columnParts);
        }

        private void Run(ThreadTeam? team, int parts)
        {
            if (team is not null)
            {
                team.Run(parts, ref this);
                return;
            }
            for (int part = 0; part < parts; part++)
                Invoke(part);
        }

        public readonly void Invoke(int part)
        {
            if (_packing)
                Pack(part);
            else
                Multiply(part);
        }

        private readonly void Pack(int part)
        {
            int end = Math.Min(CountA + CountB, (part + 1) * _panelsPerPart);
            for (int panel = part * _panelsPerPart; panel < end; panel++)
            {
                if (panel < CountA)
                    PackA(panel);
                else
                    PackB(panel - CountA);
            }
        }

        private readonly void PackA(int panel)
        {
            int width = TTile.Rows, first = panel * width, count = Math.Min(width, M - first);
            float* to = PanelsA + (nint)first * K;
            if (X.TransposeA)
                Packing.Along(X.A + K0 * X.Lda + M0 + first, X.Lda, count, K, to, width);
            else
                Packing.Across(X.A + (M0 + first) * X.Lda + K0, X.Lda, count, K, to, width);
        }

        private readonly void PackB(int panel)
        {
            int width = TTile.Columns, first = panel * width, count = Math.Min(width, N - first);
            float* to = PanelsB + (nint)first * K;
            if (X.TransposeB)
                Packing.Across(X.B + (N0 + first) * X.Ldb + K0, X.Ldb, count, K, to, width);
            else
                Packing.Along(X.B + K0 * X.Ldb + N0 + first, X.Ldb, count, K, to, width);
        }

        private readonly void Multiply(int part)
        {
            int firstRow = part / _columnParts * _partRows, endRow = Math.Min(M, firstRow + _partRows);
            int firstColumn = part % _columnParts * _partColumns, endColumn = Math.Min(N, firstColumn + _partColumns);
            int passes = (K + InnerDepth - 1) / InnerDepth, depth = (K + passes - 1) / passes;
            for (int p = 0; p < K; p += depth)
            {
                int length = Math.Min(depth, K - p);
                bool accumulate = X.Accumulate || K0 + p > 0;
                for (int j = firstColumn; j < endColumn; j += TTile.Columns)
                {
                    float* b = PanelsB + (nint)j * K + (nint)p * TTile.Columns;
                    Column(firstRow, endRow, p, length, b, j, Math.Min(TTile.Columns, endColumn - j), accumulate);
                }
            }
        }

        /// <summary>One panel of B against the part's panels of A.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Column(int firstRow, int endRow, int p, int length, float* b, int column, int columns, bool accumulate)
        {
            for (int i = firstRow; i < endRow; i += TTile.Rows)
            {
                float* a = PanelsA + (nint)i * K + (nint)p * TTile.Rows;
                float* c = X.C + (M0 + i) * X.Ldc + N0 + column;
                int rows = Math.Min(TTile.Rows, endRow - i);
                if (rows == TTile.Rows && columns == TTile.Columns)
                    TTile.Packed(a, b, length, c, X.Ldc, accumulate);
                else
                    Edge(a, b, length, c, rows, columns, accumulate);
            }
        }

        /// <summary>A tile that C holds only a part of.</summary>
        private readonly void Edge(float* a, float* b, int length, float* c, int rows, int columns, bool accumulate)
        {
            float* whole = stackalloc float[TTile.Rows * TTile.Columns];
            TTile.Packed(a, b, length, whole, TTile.Columns, false);
            for (int i = 0; i < rows; i++, c += X.Ldc, whole += TTile.Columns)
            {
                for (int j = 0; j < columns; j++)
                    c[j] = accumulate ? c[j] + whole[j] : whole[j];
            }
        }
    }
}
