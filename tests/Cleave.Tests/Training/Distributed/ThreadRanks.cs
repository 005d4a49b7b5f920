using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Cleave.Numerics.Distributed;

namespace Cleave.Tests.Training.Distributed;

/// <summary>A job whose processes are threads. Sums are taken in the order of the ranks, so they are the same each time.</summary>
internal sealed class ThreadRanks : ICollective
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Job _job;

    private ThreadRanks(Job job, int rank) => (_job, Rank) = (job, rank);

    public int Rank { get; }
    public int Size => _job.Posted.Length;

    /// <summary>Operations that this rank has taken part in, by name, in order.</summary>
    public ConcurrentQueue<string> Log { get; } = [];

    /// <summary>Runs all ranks to their end and gives their results. Where one fails, the others are ended and its exception is thrown.</summary>
    public static T[] Run<T>(int ranks, Func<ThreadRanks, T> work)
    {
        using var job = new Job(ranks);
        var results = new T[ranks];
        var threads = Enumerable.Range(0, ranks).Select(rank => new Thread(() =>
        {
            try
            {
                results[rank] = work(new ThreadRanks(job, rank));
            }
            catch (Exception e)
            {
                job.Fail(e);
            }
        })).ToArray();
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            Assert.True(thread.Join(Patience), "the ranks wait for each other for ever");
        job.Failure?.Throw();
        return results;
    }

    public void ReduceSum(Span<float> values, int root)
    {
        Meet($"reduce {values.Length} to {root}", values.ToArray());
        if (Rank == root)
            Sum<float>(values);
        _job.Meet();
    }

    public void AllReduceSum(Span<double> values)
    {
        Meet($"sum {values.Length}", values.ToArray());
        Sum<double>(values);
        _job.Meet();
    }

    public void Broadcast(Span<float> values, int root) => Copy(values, root);

    public void Broadcast(Span<byte> values, int root) => Copy(values, root);

    public void Send(ReadOnlySpan<float> values, int to)
    {
        Log.Enqueue($"send {values.Length} to {to}");
        _job.Letters[Rank, to].Add(values.ToArray());
    }

    public void Receive(Span<float> values, int from)
    {
        float[] letter = _job.Take(from, Rank);
        Assert.Equal(values.Length, letter.Length);
        letter.CopyTo(values);
    }

    public void Barrier() => _job.Meet();

    public void Abort(int status) => _job.Fail(new InvalidOperationException($"rank {Rank} ends the job with {status}"));

    public void Dispose() { }

    private void Copy<T>(Span<T> values, int root)
    {
        Meet($"broadcast {values.Length} from {root}", values.ToArray());
        ((T[])_job.Posted[root]).CopyTo(values);
        _job.Meet();
    }

    private void Meet(string what, Array values)
    {
        Log.Enqueue(what);
        (_job.Posted[Rank], _job.What[Rank]) = (values, what);
        _job.Meet();
        Assert.All(_job.What, w => Assert.Equal(what, w)); // everybody calls the same
    }

    private void Sum<T>(Span<T> values) where T : System.Numerics.INumber<T>
    {
        values.Clear();
        foreach (Array posted in _job.Posted)
        {
            var from = (T[])posted;
            for (int i = 0; i < values.Length; i++)
                values[i] += from[i];
        }
    }

    private sealed class Job : IDisposable
    {
        private readonly Barrier _barrier;
        private readonly CancellationTokenSource _ended = new();

        public Job(int ranks)
        {
            (Posted, What, Letters, _barrier) = (new Array[ranks], new string[ranks], new BlockingCollection<float[]>[ranks, ranks], new Barrier(ranks));
            for (int from = 0; from < ranks; from++)
            {
                for (int to = 0; to < ranks; to++)
                    Letters[from, to] = [];
            }
        }

        public Array[] Posted { get; }
        public string[] What { get; }
        public BlockingCollection<float[]>[,] Letters { get; }
        public ExceptionDispatchInfo? Failure { get; private set; }

        public void Meet() => _barrier.SignalAndWait(_ended.Token);

        public float[] Take(int from, int to) => Letters[from, to].Take(_ended.Token);

        public void Dispose()
        {
            _barrier.Dispose();
            _ended.Dispose();
        }

        public void Fail(Exception e)
        {
            lock (_ended)
            {
                if (!_ended.IsCancellationRequested)
                    Failure = ExceptionDispatchInfo.Capture(e);
                _ended.Cancel();
            }
        }
    }
}
