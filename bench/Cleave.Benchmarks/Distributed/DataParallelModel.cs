namespace Cleave.Benchmarks.Distributed;

/// <summary>
/// How long an update takes N processes: A / N micro-batches of c seconds, 1 / N of the optimizer's u, the gradients to their owners and the
/// weights back, each (N − 1) / N · bytes / bandwidth, and messages of α · log₂ N each. What travels during the last backward pass is taken
/// off: at most the gradients that are complete before its end, at most that pass, times the share of it that was gained here.
/// </summary>
/// <param name="Accumulate">A, micro-batches an update in all.</param>
/// <param name="MicroBatch">c.</param>
/// <param name="Optimizer">u.</param>
/// <param name="Bytes">Of the weights.</param>
/// <param name="EarlyShare">Of the bytes, those that are complete before the backward pass ends.</param>
/// <param name="ReduceBytesPerSecond">Adding up at an owner, of what a process sends.</param>
/// <param name="BroadcastBytesPerSecond">Weights, of what a process receives.</param>
/// <param name="Latency">α.</param>
/// <param name="Messages">An update's buckets, twice, and its sums.</param>
/// <param name="Gain">Of what could be hidden behind the backward pass, what was.</param>
internal sealed record DataParallelModel(int Accumulate, double MicroBatch, double Optimizer, double Bytes, double EarlyShare, double ReduceBytesPerSecond, double BroadcastBytesPerSecond,
    double Latency, int Messages, double Gain)
{
    // A backward pass is two of the three products of a micro-batch.
    private const double BackwardShare = 2.0 / 3;

    public double Compute(int ranks) => Math.Ceiling((double)Accumulate / ranks) * MicroBatch + Optimizer / ranks;

    public double Exchange(int ranks) => Moved(ranks) / ReduceBytesPerSecond + Moved(ranks) / BroadcastBytesPerSecond + Messages * Latency * Math.Log2(ranks);

    /// <summary>What a perfect overlap would take off.</summary>
    public double Hideable(int ranks) => Math.Min(EarlyShare * Moved(ranks) / ReduceBytesPerSecond, BackwardShare * MicroBatch);

    public double Update(int ranks) => Compute(ranks) + Exchange(ranks) - Gain * Hideable(ranks);

    private double Moved(int ranks) => Bytes * (ranks - 1) / ranks;
}
