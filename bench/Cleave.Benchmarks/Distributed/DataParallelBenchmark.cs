using System.Diagnostics;
using System.Globalization;
using System.Text;
using Cleave.Benchmarks.Limits;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Distributed;
using Cleave.Numerics.Tensors;
using Cleave.Numerics.Threading;
using Cleave.Training;
using Cleave.Training.Distributed;
using Cleave.Training.Optimizers;
using Cleave.Training.Schedules;

namespace Cleave.Benchmarks.Distributed;

/// <summary>
/// <c>mpirun -n N … mpi [--write] [--rounds N]</c>: updates of a small language model by each process alone, by all together, and by
/// all together without overlap, in turn; then the terms of <see cref="DataParallelModel"/>, and what it says of more processes. Alone, every
/// process makes the whole update at the same time as the others, so that all rows share the machine alike.
/// </summary>
internal static class DataParallelBenchmark
{
    private const int Accumulate = 16, Sequences = 2, Context = 128;
    private static readonly int[] Counts = [1, 2, 4, 8, 16];

    public static int Run(string[] args)
    {
        int at = Array.IndexOf(args, "--rounds");
        int rounds = at >= 0 && at + 1 < args.Length ? int.Parse(args[at + 1], CultureInfo.InvariantCulture) : 9;
        using ICollective ranks = JobLaunch.Join();
        string text = Measure(ranks, rounds);
        if (ranks.Rank != 0)
            return 0;
        Console.Write(text);
        if (args.Contains("--write"))
        {
            string folder = Path.Combine("bench", "results", Cpu.Slug);
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, "data-parallel.md"), text);
        }
        return 0;
    }

    private static string Measure(ICollective ranks, int rounds)
    {
        TransformerSpec spec = TransformerSpec.Uniform(4096, 256, 6, 8, 8, 688, 256);
        Side alone = Side.Start(spec, OneProcess.Instance, overlap: false), overlapped = Side.Start(spec, ranks, overlap: true), plain = Side.Start(spec, ranks, overlap: false);
        double[][] seconds = [new double[rounds], new double[rounds], new double[rounds]];
        for (int round = -1; round < rounds; round++) // the first is not counted
        {
            double[] each = [.. new[] { alone, overlapped, plain }.Select(s => s.Update(ranks))];
            for (int side = 0; side < 3 && round >= 0; side++)
                seconds[side][round] = each[side];
        }
        double one = Middle(seconds[0]), together = Middle(seconds[1]), apart = Middle(seconds[2]);
        DataParallelModel model = Terms(ranks, alone, one, rounds);
        double gain = ranks.Size > 1 ? Math.Clamp((apart - together) / model.Hideable(ranks.Size), 0, 1) : 0;
        return Show(ranks, rounds, spec, (one, together, apart), model with { Gain = gain });
    }

    /// <summary>One way to train, with a model of its own.</summary>
    private sealed class Side(Transformer model, Optimizer optimizer, bool overlap)
    {
        private readonly TokenBatch _tokens = Tokens();

        public Transformer Model => model;
        public Optimizer Optimizer => optimizer;

        public static Side Start(TransformerSpec spec, ICollective ranks, bool overlap)
        {
            Transformer model = Transformer.Create(spec, Rng.For(1, "mpi"));
            return new Side(model, new Optimizer([new ParameterGroup([.. model.Parameters()], new Adam()) { WeightDecay = 0.1f }], ranks), overlap);
        }

        /// <summary>Seconds of two updates, halved, begun together by all.</summary>
        public double Update(ICollective everybody)
        {
            var trainer = new Trainer(optimizer, new ConstantSchedule(1e-4, 0, optimizer.Step + 2), Accumulate, overlap ? LayerPlaces.Of(model, optimizer.Parameters) : null);
            everybody.Barrier();
            long start = Stopwatch.GetTimestamp();
            trainer.Run((tape, _, _) => MicroBatch(tape), _ => true);
            return Stopwatch.GetElapsedTime(start).TotalSeconds / 2;
        }

        public double MicroBatch(Tape tape) => model.Loss(tape, model.Forward(tape, _tokens), _tokens.Ids.Span, weight: 1f / Accumulate);

        private static TokenBatch Tokens()
        {
            var batch = new TokenBatch();
            for (int s = 0; s < Sequences; s++)
                batch.Add([.. Enumerable.Range(0, Context).Select(i => (i * 31 + s) % 4096)]);
            return batch;
        }
    }

    private static DataParallelModel Terms(ICollective ranks, Side alone, double update, int rounds)
    {
        int floats = alone.Optimizer.Parameters.Sum(p => p.Tensor.Length);
        foreach ((_, Tensor tensor) in alone.Optimizer.Parameters)
            tensor.Gradient.Fill(1e-4f);
        long start = Stopwatch.GetTimestamp();
        alone.Optimizer.Update(1e-4);
        double optimizer = Stopwatch.GetElapsedTime(start).TotalSeconds;
        IReadOnlyList<ParameterPlace> places = LayerPlaces.Of(alone.Model, alone.Optimizer.Parameters);
        int[] owners = Shards.Deal([.. alone.Optimizer.Parameters.Select(p => p.Tensor.Length)], ranks.Size);
        IReadOnlyList<Bucket> buckets = Bucket.Collect([.. alone.Optimizer.Parameters.Select(p => p.Tensor)], owners, places, Bucket.UsualFloats);
        var message = new float[Bucket.UsualFloats];
        double latency = Seconds(64, _ => ranks.Sum(1)) / 2; // there and back
        double reduce = Seconds(16, i => ranks.ReduceSum(message, i % ranks.Size)), broadcast = Seconds(16, i => ranks.Broadcast(message, i % ranks.Size));
        double sent = 4.0 * message.Length * (ranks.Size - 1) / ranks.Size;
        return new DataParallelModel(Accumulate, (update - optimizer) / Accumulate, optimizer, 4.0 * floats, buckets.Where(b => b.Reached <= places.Count).Sum(b => (double)b.Floats) / floats,
            sent / reduce, sent / broadcast, ranks.Size > 1 ? latency / Math.Log2(ranks.Size) : 0, 2 * buckets.Count + 2, 0);

        // An operation's, the median over rounds.
        double Seconds(int times, Action<int> operation)
        {
            var seconds = new double[rounds];
            for (int round = -1; round < rounds; round++)
            {
                ranks.Barrier();
                long begun = Stopwatch.GetTimestamp();
                for (int i = 0; i < times; i++)
                    operation(i);
                ranks.Barrier();
                if (round >= 0)
                    seconds[round] = Stopwatch.GetElapsedTime(begun).TotalSeconds / times;
            }
            return Middle(seconds);
        }
    }

    private static string Show(ICollective ranks, int rounds, TransformerSpec spec, (double One, double Together, double Apart) measured, DataParallelModel model)
    {
        int n = ranks.Size;
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"# Data-parallel training on {Cpu.Name}").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"`mpirun -n {n} --bind-to none dotnet bench/Cleave.Benchmarks/bin/Release/net10.0/Cleave.Benchmarks.dll mpi --write`; {n} processes on one machine, {ThreadTeam.Shared.Threads} "
            + $"thread(s) each, {spec.Parameters / 1e6:0.0} million weights, {Accumulate} micro-batches of {Sequences * Context} tokens an update, AdamW; medians of {rounds} rounds.").AppendLine();
        text.AppendLine("| an update | ms | times faster than a process alone |").AppendLine("|---|---:|---:|");
        Row("each process alone, all at the same time", measured.One);
        Row("together, gradients travel behind the backward pass", measured.Apart);
        Row("together, gradients travel during the backward pass", measured.Together);
        Row("together, as the model says", model.Update(n));
        text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"A micro-batch {model.MicroBatch * 1e3:0.0} ms, the optimizer {model.Optimizer * 1e3:0.0} ms, {model.Bytes / 1e6:0.0} MB of weights ({model.EarlyShare:p0} of them "
            + $"complete before the backward pass ends), {model.Messages} messages; adding up {model.ReduceBytesPerSecond / 1e9:0.00} GB/s, weights back {model.BroadcastBytesPerSecond / 1e9:0.00} GB/s, "
            + $"{model.Latency * 1e6:0} µs a message; {model.Gain:p0} of what could be hidden was.");
        text.AppendLine().AppendLine("What the model says of as many machines like this process, joined by shared memory as here or by a network, the same micro-batches dealt to all:").AppendLine();
        text.AppendLine("| processes | times faster, as joined here | 10 GB/s, 5 µs | 1 GB/s, 50 µs | 0.1 GB/s, 100 µs |").AppendLine("|---:|---:|---:|---:|---:|");
        foreach (int count in Counts)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {count} |");
            foreach (DataParallelModel m in new[] { model, Joined(10e9, 5e-6), Joined(1e9, 50e-6), Joined(0.1e9, 100e-6) })
                text.Append(CultureInfo.InvariantCulture, $" {m.Update(1) / m.Update(count):0.00} |");
            text.AppendLine();
        }
        text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"t(N) = ⌈{Accumulate}/N⌉ · micro-batch + optimizer/N + 2 · (N−1)/N · bytes/bandwidth + messages · latency · log₂ N − what is hidden; networks are taken to hide as much as was "
            + $"hidden here. More than {Accumulate} processes have nothing to do: raise accumulate.");
        return text.ToString();

        void Row(string what, double seconds) => text.AppendLine(CultureInfo.InvariantCulture, $"| {what} | {seconds * 1e3:0.0} | {measured.One / seconds:0.00} |");

        DataParallelModel Joined(double bytesPerSecond, double latency) => model with { ReduceBytesPerSecond = bytesPerSecond, BroadcastBytesPerSecond = bytesPerSecond, Latency = latency };
    }

    private static double Middle(double[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }
}
