namespace Cleave.Numerics.Distributed;

/// <summary>A job of one process: every sum is its own.</summary>
public sealed class OneProcess : ICollective
{
    public static OneProcess Instance { get; } = new();

    private OneProcess() { }

    public int Rank => 0;
    public int Size => 1;

    public void ReduceSum(Span<float> values, int root) { }
    public void AllReduceSum(Span<double> values) { }
    public void Broadcast(Span<float> values, int root) { }
    public void Broadcast(Span<byte> values, int root) { }
    public void Send(ReadOnlySpan<float> values, int to) => throw new InvalidOperationException("there is no other process");
    public void Receive(Span<float> values, int from) => throw new InvalidOperationException("there is no other process");
    public void Barrier() { }
    public void Abort(int status) { }
    public void Dispose() { }
}
