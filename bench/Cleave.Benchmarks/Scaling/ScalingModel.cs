using System.Diagnostics;
using System.Text;
using Cleave.Benchmarks.Limits;
using Cleave.Compression.Quantization;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;
using Cleave.Numerics.Threading;
using Cleave.Training.Optimizers;

namespace Cleave.Benchmarks.Scaling;

/// <summary>
/// <c>scaling [--write] [--runs N]</c>: the same work on one thread and on the team, in turn, and what follows for more cores. With t₁ and
/// t_p measured, the part that does not divide is s = (t_p − t₁/g) / (1 − 1/g) (Karp and Flatt, 1990), where g is how many times more
/// than one thread p threads of this machine can do at all: multiply-adds, or bytes read, in the same minute. On n cores
/// t(n) = s + (t₁ − s) / n + c · h(n), where c is the hand-offs of the work and h what a hand-off costs beyond the first two threads: one
/// contended atomic operation a thread, measured. Work that reads memory cannot fall below bytes / bandwidth(n).
/// </summary>
internal static class ScalingModel
{
    private static readonly int[] Cores = [1, 2, 8, 16, 64, 128];

    // What a socket of so many cores usually reads: eight or twelve channels of memory.
    private const double SocketGigabytes = 350;

    private sealed record Work(string Name, Action Run, long Bytes, int HandOffs, bool ReadsMemory = false);

    public static int Run(string[] args)
    {
        int at = Array.IndexOf(args, "--runs");
        string text = Measure(at >= 0 && at + 1 < args.Length ? int.Parse(args[at + 1]) : 7);
        Console.Write(text);
        if (args.Contains("--write"))
        {
            string folder = Path.Combine("bench", "results", Cpu.Slug);
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, "scaling.md"), text);
        }
        return 0;
    }

    private static string Measure(int runs)
    {
        using var one = new ThreadTeam(1);
        ThreadTeam team = ThreadTeam.Shared;
        int p = team.Threads;
        double read = Machine.MemoryRead(one, 9), readTeam = Machine.MemoryRead(team, 9), atomic = ContendedAtomic(p);
        var text = new StringBuilder();
        text.AppendLine($"# Scaling on {Cpu.Name}").AppendLine();
        text.AppendLine($"`dotnet run -c Release --project bench/Cleave.Benchmarks -- scaling --write`; one thread and {p} in turn, medians of {runs} runs.");
        text.AppendLine($"Memory read {read:f1} GB/s by one thread, {readTeam:f1} by {p}; a contended atomic operation {atomic * 1e9:f0} ns.").AppendLine();
        text.AppendLine($"| work | 1 thread, ms | {p} threads, ms | times faster | the machine itself | does not divide | "
            + string.Join(" | ", Cores.Where(c => c > p).Select(c => $"{c} cores, times faster")) + " |");
        text.AppendLine("|---|---:|---:|---:|---:|---:|" + string.Concat(Cores.Where(c => c > p).Select(_ => "---:|")));
        foreach (Work work in Works())
        {
            double gain = Gain(work, one, team);
            (double t1, double tp) = Times(work, one, team, runs);
            gain = Math.Max(1.01, Math.Min(p, (gain + Gain(work, one, team)) / 2)); // before and after: the machine is shared
            double serial = Math.Max(0, (tp - t1 / gain) / (1 - 1 / gain));
            text.Append($"| {work.Name} | {t1 * 1e3:f2} | {tp * 1e3:f2} | {t1 / tp:f2} | {gain:f2} | {serial / t1:p1} |");
            foreach (int cores in Cores.Where(c => c > p))
            {
                double divided = serial + (t1 - serial) / cores + work.HandOffs * atomic * (cores - p);
                double memory = work.Bytes / 1e9 / Math.Min(SocketGigabytes, read * cores);
                text.Append($" {t1 / Math.Max(divided, memory):f1} |");
            }
            text.AppendLine();
        }
        text.AppendLine().AppendLine($"Columns beyond {p} are the model, not a measurement: t(n) = s + (t₁ − s)/n + hand-offs · atomic · (n − {p}), not below "
            + $"bytes / min({SocketGigabytes} GB/s, n · {read:f1} GB/s). 'The machine itself' is what its {p} threads can do more than one: "
            + "multiply-adds, or for one sequence bytes read, measured before and after each row.");
        return text.ToString();
    }

    private static (double One, double Team) Times(Work work, ThreadTeam one, ThreadTeam team, int runs)
    {
        double[] single = new double[runs], all = new double[runs];
        for (int run = -1; run < runs; run++) // the first is not counted
        {
            double a = Seconds(one), b = Seconds(team);
            if (run >= 0)
                (single[run], all[run]) = (a, b);
        }
        return (Middle(single), Middle(all));

        double Seconds(ThreadTeam threads)
        {
            using (ThreadTeam.Use(threads))
            {
                long start = Stopwatch.GetTimestamp();
                work.Run();
                return Stopwatch.GetElapsedTime(start).TotalSeconds;
            }
        }
    }

    private static double Gain(Work work, ThreadTeam one, ThreadTeam team) => work.ReadsMemory
        ? Machine.MemoryRead(team, 7) / Machine.MemoryRead(one, 7) : Machine.FusedMultiplyAdd(team, 7) / Machine.FusedMultiplyAdd(one, 7);

    private static double Middle(double[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }

    private static IEnumerable<Work> Works()
    {
        const int Tokens = 16;
        TransformerSpec spec = TransformerSpec.Uniform(49152, 576, 12, 9, 3, 1536, 1024);
        Transformer model = Transformer.Create(spec, Rng.For(1, "scaling"));
        RoundToNearest.Quantize(model);
        long weights = model.Weights().Sum(w => w.Weight is Linear linear ? linear.Bytes : 0);
        int[] prompt = [.. Enumerable.Range(0, 512).Select(i => i * 37 % spec.VocabularySize)];
        var tape = new Tape(records: false);
        var batch = new TokenBatch();
        KeyValuePages[] Read(int sequences) => [.. Enumerable.Range(0, sequences).Select(_ =>
        {
            KeyValuePages cache = model.NewCache();
            model.Read(tape, batch, prompt, [cache]);
            tape.Reset();
            return cache;
        })];
        void Decode(KeyValuePages[] caches)
        {
            for (int t = 0; t < Tokens; t++)
            {
                batch.Clear();
                foreach (KeyValuePages cache in caches)
                    batch.Add([t], cache.Length);
                model.NextLogits(tape, batch, caches);
                tape.Reset();
            }
            foreach (KeyValuePages cache in caches)
                cache.Truncate(prompt.Length);
        }
        KeyValuePages[] alone = Read(1), eight = Read(8);
        int handOffs = 5 * spec.Layers.Count + 1;
        yield return new Work("prompt of 512 tokens, Q8_0, 12 layers of 576", () => Read(1)[0].Dispose(), weights, 2 * handOffs);
        yield return new Work($"{Tokens} tokens of one sequence", () => Decode(alone), weights * Tokens, Tokens * handOffs, ReadsMemory: true);
        yield return new Work($"{Tokens} tokens of eight sequences", () => Decode(eight), weights * Tokens, Tokens * handOffs);

        TransformerSpec small = TransformerSpec.Uniform(4096, 256, 6, 8, 8, 688, 256);
        Transformer trained = Transformer.Create(small, Rng.For(2, "scaling"));
        var optimizer = new Optimizer(new ParameterGroup([.. trained.Parameters()], new Adam()) { WeightDecay = 0.1f });
        var records = new Tape(records: true);
        var tokens = new TokenBatch();
        for (int s = 0; s < 8; s++)
            tokens.Add([.. Enumerable.Range(0, 256).Select(i => (i * 31 + s) % 4096)]);
        Tensor projection = ((DenseLinear)trained.Output).Weight;
        yield return new Work("training step, 5.8 million weights, 2048 tokens", () =>
        {
            Op.LinearCrossEntropy(records, trained.Forward(records, tokens), projection, tokens.Ids.Span);
            records.Backward();
            records.Reset();
            optimizer.Update(1e-4);
        }, 16 * small.Parameters, 40 * small.Layers.Count);
        float[] a = RandomFloats.Of(1024 * 1024), b = RandomFloats.Of(1024 * 1024), c = new float[1024 * 1024];
        yield return new Work("matmul 1024³", () => MatMul.Multiply(a, 1024, false, b, 1024, true, c, 1024, 1024, 1024, 1024), 12 << 20, 10);
    }

    /// <summary>Seconds of one atomic addition while every thread makes them on one counter.</summary>
    private static double ContendedAtomic(int threads)
    {
        const int Count = 1 << 20;
        long counter = 0;
        var workers = Enumerable.Range(0, threads).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < Count; i++)
                Interlocked.Increment(ref counter);
        })).ToArray();
        long start = Stopwatch.GetTimestamp();
        foreach (Thread worker in workers)
            worker.Start();
        foreach (Thread worker in workers)
            worker.Join();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / ((long)Count * threads);
    }
}
