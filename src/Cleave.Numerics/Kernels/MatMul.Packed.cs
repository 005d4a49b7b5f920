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
    // Measured: longer passes overflow it, and packing more than one pass ahead leaves the panels to slower caches.
    private const int PassDepth = 256;

    // Rows of C that one part computes: their panels of A (72 KiB) stay in the second-level cache.
    private const int PartRows = 72;

    // Rows and columns packed at once: 2 MiB of each operand.
    private const int ChunkSide = 2048;

    private const long ThreadedFrom = 500_000; // multiply-adds: about 10 microseconds of one core

    private static void Packed<TTile, TB>(in Product x) where TTile : struct, ITile where TB : struct, IElement
    {
        ThreadTeam? team = x.Work >= ThreadedFrom ? ThreadTeam.Current : null;
        if (x.M <= PartRows)
        {
            FewRows<TTile, TB>(x, team);
            return;
        }
        int depth = PassLength(x.K);
        int rows = RoundUp(Math.Min(x.M, ChunkSide), TTile.Rows), columns = RoundUp(Math.Min(x.N, ChunkSide), TTile.Columns);
        using Scratch panels = Scratch.Rent((long)(rows + columns) * depth);
        for (int m = 0; m < x.M; m += ChunkSide)
        {
            for (int n = 0; n < x.N; n += ChunkSide)
            {
                for (int k = 0; k < x.K; k += depth)
                {
                    var chunk = new Chunk<TTile, TB>
                    {
                        X = x,
                        M0 = m,
                        N0 = n,
                        K0 = k,
                        M = Math.Min(ChunkSide, x.M - m),
                        N = Math.Min(ChunkSide, x.N - n),
                        K = Math.Min(depth, x.K - k),
                        PanelsA = panels.Pointer,
                        PanelsB = panels.Pointer + (nint)rows * depth,
                    };
                    chunk.Compute(team);
                }
            }
        }
    }

    /// <summary>The length of each of the fewest passes, about equal.</summary>
    private static int PassLength(int k)
    {
        int passes = (k + PassDepth - 1) / PassDepth;
        return (k + passes - 1) / passes;
    }

    private static int RoundUp(int value, int unit) => (value + unit - 1) / unit * unit;

    /// <summary>Packs panels from..to of op(A) or op(B), each k places long from <paramref name="k0"/> on.</summary>
    private static void Pack<TElement>(void* elements, nint stride, bool across, int origin, int size, int k0, int k, int from, int to, int width, float* panels)
        where TElement : struct, IElement
    {
        int first = from * width, columns = Math.Min(size, to * width) - first;
        if (typeof(TElement) != typeof(Float32Element))
        {
            void* start = (byte*)elements + (across ? (origin + first) * stride + k0 : k0 * stride + origin + first) * TElement.Bytes;
            if (across)
                HalfPacking.Across<TElement>(start, stride, columns, k, panels, width);
            else
                HalfPacking.Along<TElement>(start, stride, columns, k, panels, width);
            return;
        }
        var source = (float*)elements;
        if (!across)
        {
            Packing.Along(source + k0 * stride + origin + first, stride, columns, k, panels, width, (nint)width * k);
            return;
        }
        for (int i = 0; i < columns; i += width)
            Packing.Across(source + (origin + first + i) * stride + k0, stride, Math.Min(width, columns - i), k, panels + (nint)i * k, width);
    }

    /// <summary>C = or += panels of A · one panel of B.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Column<TTile>(float* a, float* b, int k, float* c, nint ldc, int rows, int columns, bool accumulate)
        where TTile : struct, ITile
    {
        for (; rows > 0; rows -= TTile.Rows, a += (nint)k * TTile.Rows, c += TTile.Rows * ldc)
        {
            if (rows >= TTile.Rows && columns == TTile.Columns)
                TTile.Packed(a, b, k, c, ldc, accumulate);
            else
                Edge<TTile>(a, b, k, c, ldc, Math.Min(rows, TTile.Rows), columns, accumulate);
        }
    }

    /// <summary>C = or += rows of A, <paramref name="lda"/> apart · one panel of B.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows<TTile>(float* a, nint lda, float* b, int k, float* c, nint ldc, int rows, int columns, bool accumulate)
        where TTile : struct, ITile
    {
        float* whole = stackalloc float[TTile.StridedRows * TTile.Columns];
        for (; rows > 0; rows -= TTile.StridedRows, a += TTile.StridedRows * lda, c += TTile.StridedRows * ldc)
        {
            int count = Math.Min(rows, TTile.StridedRows);
            if (columns == TTile.Columns)
            {
                TTile.Strided(a, lda, 1, b, TTile.Columns, k, c, ldc, count, accumulate);
                continue;
            }
            TTile.Strided(a, lda, 1, b, TTile.Columns, k, whole, TTile.Columns, count, false);
            Put(whole, TTile.Columns, c, ldc, count, columns, accumulate);
        }
    }

    /// <summary>A tile that C holds only a part of.</summary>
    private static void Edge<TTile>(float* a, float* b, int k, float* c, nint ldc, int rows, int columns, bool accumulate)
        where TTile : struct, ITile
    {
        float* whole = stackalloc float[TTile.Rows * TTile.Columns];
        TTile.Packed(a, b, k, whole, TTile.Columns, false);
        Put(whole, TTile.Columns, c, ldc, rows, columns, accumulate);
    }

    private static void Put(float* whole, int width, float* c, nint ldc, int rows, int columns, bool accumulate)
    {
        for (int i = 0; i < rows; i++, c += ldc, whole += width)
        {
            for (int j = 0; j < columns; j++)
                c[j] = accumulate ? c[j] + whole[j] : whole[j];
        }
    }

    /// <summary>One packed piece of a product: first packing, then multiplying, each in parts.</summary>
    private struct Chunk<TTile, TB> : IPart where TTile : struct, ITile where TB : struct, IElement
    {
        public Product X;
        public int M0, N0, K0, M, N, K;
        public float* PanelsA, PanelsB;
        private bool _packing;
        private int _panelsPerPart, _partRows, _partColumns, _columnParts;

        // Rows of A that lie along k are read where they are by tiles as tall as packed ones, six streams instead of one; rows a
        // multiple of 4 KiB apart would push each other out of the first-level cache.
        private readonly bool InPlaceA => !X.TransposeA && TTile.StridedRows == TTile.Rows && X.Lda % 1024 != 0;

        private readonly int CountA => InPlaceA ? 0 : (M + TTile.Rows - 1) / TTile.Rows;
        private readonly int CountB => (N + TTile.Columns - 1) / TTile.Columns;

        public void Compute(ThreadTeam? team)
        {
            int threads = team?.Threads ?? 1;
            _packing = true;
            _panelsPerPart = Math.Max(1, (CountA + CountB) / (4 * threads));
            ThreadTeam.Run(team, (CountA + CountB + _panelsPerPart - 1) / _panelsPerPart, ref this);

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
            ThreadTeam.Run(team, rowParts * _columnParts, ref this);
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
            int from = part * _panelsPerPart, to = Math.Min(CountA + CountB, from + _panelsPerPart);
            if (from < CountA)
            {
                MatMul.Pack<Float32Element>(X.A, X.Lda, !X.TransposeA, M0, M, K0, K, from, Math.Min(to, CountA), TTile.Rows,
                    PanelsA + (nint)from * TTile.Rows * K);
            }
            if (to > CountA)
            {
                int first = Math.Max(0, from - CountA);
                MatMul.Pack<TB>(X.B, X.Ldb, X.TransposeB, N0, N, K0, K, first, to - CountA, TTile.Columns,
                    PanelsB + (nint)first * TTile.Columns * K);
            }
        }

        private readonly void Multiply(int part)
        {
            int firstRow = part / _columnParts * _partRows, rows = Math.Min(_partRows, M - firstRow);
            int firstColumn = part % _columnParts * _partColumns, endColumn = Math.Min(N, firstColumn + _partColumns);
            bool accumulate = X.Accumulate || K0 > 0;
            float* c = X.C + (M0 + firstRow) * X.Ldc + N0;
            for (int j = firstColumn; j < endColumn; j += TTile.Columns)
            {
                float* b = PanelsB + (nint)j * K;
                int columns = Math.Min(TTile.Columns, endColumn - j);
                if (InPlaceA)
                    Rows<TTile>(X.A + (M0 + firstRow) * X.Lda + K0, X.Lda, b, K, c + j, X.Ldc, rows, columns, accumulate);
                else
                    Column<TTile>(PanelsA + (nint)firstRow * K, b, K, c + j, X.Ldc, rows, columns, accumulate);
            }
        }
    }
}
