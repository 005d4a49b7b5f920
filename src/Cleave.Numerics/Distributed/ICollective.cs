namespace Cleave.Numerics.Distributed;

/// <summary>
/// The processes of one job, of which this is one. All ranks call the same operations in the same order, each from one thread at a
/// time; an operation returns when this rank's part in it is done. Disposing leaves the job, once nothing is left to say to the others.
/// </summary>
public interface ICollective : IDisposable
{
    /// <summary>This process, from 0; rank 0 writes files and speaks with people.</summary>
    int Rank { get; }

    /// <summary>How many processes there are.</summary>
    int Size { get; }

    /// <summary>The values of <paramref name="root"/> become the sums over all ranks; what the others hold is undefined afterwards.</summary>
    void ReduceSum(Span<float> values, int root);

    /// <summary>Everybody's values become the sums over all ranks: the same bits everywhere, so that all decide alike.</summary>
    void AllReduceSum(Span<double> values);

    /// <summary>Everybody's values become those of <paramref name="root"/>.</summary>
    void Broadcast(Span<float> values, int root);

    /// <inheritdoc cref="Broadcast(Span{float}, int)"/>
    void Broadcast(Span<byte> values, int root);

    /// <summary>Hands values to another rank, which calls <see cref="Receive"/> with as many.</summary>
    void Send(ReadOnlySpan<float> values, int to);

    /// <summary>Takes what <see cref="Send"/> hands over.</summary>
    void Receive(Span<float> values, int from);

    /// <summary>Waits for everybody.</summary>
    void Barrier();

    /// <summary>Ends the whole job because this rank has failed: the others would wait for it for ever.</summary>
    /// <param name="status">The job's exit status.</param>
    void Abort(int status);
}
