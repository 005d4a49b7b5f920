using System.Diagnostics;
using Cleave.Evaluation.Energy;
using Cleave.Numerics;
using Cleave.Serving;

namespace Cleave.Cli.Measure;

/// <summary>What one request took.</summary>
/// <param name="Module">That it was put to.</param>
/// <param name="First">Until the first piece of the answer.</param>
/// <param name="Whole">Until the last.</param>
internal sealed record RequestTime(string Module, TimeSpan First, TimeSpan Whole, int PromptTokens, int CompletionTokens, EnergyUse Energy);

/// <summary>How fast a host answers.</summary>
/// <param name="Requests">Those that were timed.</param>
/// <param name="Elapsed">From the first's beginning to the last's end.</param>
internal sealed record ServingSpeed(IReadOnlyList<RequestTime> Requests, TimeSpan Elapsed)
{
    /// <summary>Puts requests to a host from several threads, each of which asks the next one when it has its answer.</summary>
    /// <param name="warmUp">Asked before, and not timed.</param>
    public static ServingSpeed Measure(IModuleHost host, IReadOnlyList<ModuleRequest> warmUp, IReadOnlyList<ModuleRequest> requests, int concurrency,
        IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        foreach (ModuleRequest request in warmUp)
            One(host, request, cancel);
        var times = new RequestTime[requests.Count];
        int next = 0, done = 0;
        Exception? failed = null;
        long start = Stopwatch.GetTimestamp();
        Thread[] threads = [.. Enumerable.Range(0, concurrency).Select(_ => new Thread(() =>
        {
            try
            {
                for (int i = Interlocked.Increment(ref next) - 1; i < times.Length && Volatile.Read(ref failed) is null; i = Interlocked.Increment(ref next) - 1)
                {
                    times[i] = One(host, requests[i], cancel);
                    progress?.Report(new ProgressReport("bench", Interlocked.Increment(ref done), times.Length, "requests"));
                }
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failed, e, null);
            }
        }) { IsBackground = true })];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        if (failed is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failed);
        return new ServingSpeed(times, Stopwatch.GetElapsedTime(start));
    }

    /// <summary>The smallest of the values that so large a part of them does not exceed (nearest rank).</summary>
    /// <param name="part">Above 0, at most 1.</param>
    public static double Percentile(IEnumerable<double> values, double part)
    {
        double[] sorted = [.. values.Order()];
        return sorted[Math.Max(0, (int)Math.Ceiling(part * sorted.Length) - 1)];
    }

    private static RequestTime One(IModuleHost host, ModuleRequest request, CancellationToken cancel)
    {
        var sink = new FirstPiece();
        ModuleResult result = host.Run(request, sink, cancel);
        TimeSpan whole = Stopwatch.GetElapsedTime(sink.Started);
        return new RequestTime(request.Module, sink.First ?? whole, whole, result.PromptTokens, result.CompletionTokens, result.Energy ?? default);
    }

    private sealed class FirstPiece : IResultSink
    {
        public long Started { get; } = Stopwatch.GetTimestamp();

        public TimeSpan? First { get; private set; }

        public void Chosen(ModuleChoice choice)
        {
            // An answer begins with its first piece.
        }

        public void Text(string piece) => First ??= Stopwatch.GetElapsedTime(Started);
    }
}
