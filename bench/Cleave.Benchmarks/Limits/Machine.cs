using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Benchmarks.Limits;

/// <summary>What the hardware can do at most: multiply-adds from registers and reads from memory.</summary>
internal static unsafe class Machine
{
    private const int FmaRounds = 2_000_000;

    /// <summary>GFLOP/s of independent fused multiply-adds, one part per thread of the team.</summary>
    public static double FusedMultiplyAdd(ThreadTeam team, int runs)
    {
        var body = new FmaPart { Wide = InstructionSets.Active == InstructionSet.Avx512 };
        double seconds = Timing.Median(runs, () => team.Run(team.Threads, ref body));
        return team.Threads * (double)FmaRounds * 12 * (body.Wide ? 16 : 8) * 2 / seconds / 1e9;
    }

    private struct FmaPart : IPart
    {
        public bool Wide;
        public double Sink;

        public void Invoke(int part) => Sink = Wide ? Sum512() : Sum256();

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Sum256()
        {
            Vector256<float> x = Vector256.Create(0.999f), y = Vector256.Create(1e-3f);
            Vector256<float> a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
            for (int r = 0; r < FmaRounds; r++)
            {
                a = Vector256.FusedMultiplyAdd(a, x, y);
                b = Vector256.FusedMultiplyAdd(b, x, y);
                c = Vector256.FusedMultiplyAdd(c, x, y);
                d = Vector256.FusedMultiplyAdd(d, x, y);
                e = Vector256.FusedMultiplyAdd(e, x, y);
                f = Vector256.FusedMultiplyAdd(f, x, y);
                g = Vector256.FusedMultiplyAdd(g, x, y);
                h = Vector256.FusedMultiplyAdd(h, x, y);
                i = Vector256.FusedMultiplyAdd(i, x, y);
                j = Vector256.FusedMultiplyAdd(j, x, y);
                k = Vector256.FusedMultiplyAdd(k, x, y);
                l = Vector256.FusedMultiplyAdd(l, x, y);
            }
            return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Sum512()
        {
            Vector512<float> x = Vector512.Create(0.999f), y = Vector512.Create(1e-3f);
            Vector512<float> a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
            for (int r = 0; r < FmaRounds; r++)
            {
                a = Vector512.FusedMultiplyAdd(a, x, y);
                b = Vector512.FusedMultiplyAdd(b, x, y);
                c = Vector512.FusedMultiplyAdd(c, x, y);
                d = Vector512.FusedMultiplyAdd(d, x, y);
                e = Vector512.FusedMultiplyAdd(e, x, y);
                f = Vector512.FusedMultiplyAdd(f, x, y);
                g = Vector512.FusedMultiplyAdd(g, x, y);
                h = Vector512.FusedMultiplyAdd(h, x, y);
                i = Vector512.FusedMultiplyAdd(i, x, y);
                j = Vector512.FusedMultiplyAdd(j, x, y);
                k = Vector512.FusedMultiplyAdd(k, x, y);
                l = Vector512.FusedMultiplyAdd(l, x, y);
            }
            return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
        }
    }

    /// <summary>GB/s of reading a buffer far larger than any cache, cut among the threads of the team.</summary>
    public static double MemoryRead(ThreadTeam team, int runs, int mebibytes = 256)
    {
        long[] memory = GC.AllocateArray<long>(mebibytes * (1 << 17), pinned: true);
        Array.Fill(memory, 1);
        fixed (long* start = memory)
        {
            var body = new ReadPart { Start = start, Length = memory.Length / team.Threads };
            double seconds = Timing.Median(runs, () => team.Run(team.Threads, ref body));
            return memory.Length * 8.0 / seconds / 1e9;
        }
    }

    private struct ReadPart : IPart
    {
        public long* Start;
        public nint Length;
        public long Sink;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Invoke(int part)
        {
            long* p = Start + part * Length;
            Vector256<long> a = default, b = default, c = default, d = default;
            for (nint i = 0; i + 16 <= Length; i += 16)
            {
                a ^= Vector256.Load(p + i);
                b ^= Vector256.Load(p + i + 4);
                c ^= Vector256.Load(p + i + 8);
                d ^= Vector256.Load(p + i + 12);
            }
            Sink = Vector256.Sum(a ^ b ^ c ^ d);
        }
    }
}

internal static class Timing
{
    /// <summary>The median of the runs' seconds, after a warm-up of at least 0.2 s that also lets the compiler finish.</summary>
    public static double Median(int runs, Action action) => Quantile(runs, action, 0.5);

    /// <summary>A quantile of the runs' seconds; each run repeats the action for at least 2 ms.</summary>
    public static double Quantile(int runs, Action action, double q)
    {
        long warm = Stopwatch.GetTimestamp();
        int calls = 0;
        while (Stopwatch.GetElapsedTime(warm).TotalSeconds < 0.2 || calls < 3)
        {
            action();
            calls++;
        }
        double each = Stopwatch.GetElapsedTime(warm).TotalSeconds / calls;
        int repeat = Math.Max(1, (int)(0.002 / each));
        var seconds = new double[runs];
        for (int r = 0; r < runs; r++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < repeat; i++)
                action();
            seconds[r] = Stopwatch.GetElapsedTime(start).TotalSeconds / repeat;
        }
        Array.Sort(seconds);
        return seconds[(int)(q * (runs - 1))];
    }
}
