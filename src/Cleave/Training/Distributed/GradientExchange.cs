using System.Runtime.ExceptionServices;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Distributed;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Tensors;
using Cleave.Training.Optimizers;

namespace Cleave.Training.Distributed;

/// <summary>
/// Data parallelism: adds up the ranks' gradients, each parameter's at the rank that keeps its optimizer state, and brings the weights
/// that were updated there to all. Gradients travel in buckets, in the order in which the backward pass completes them, and a thread of
/// its own carries those that are complete while the pass goes on (Li et al., 2020, "PyTorch Distributed"). Every rank sends the same
/// buckets in the same order, whatever its own micro-batches have touched.
/// </summary>
internal sealed class GradientExchange : IDisposable
{
    private readonly ICollective _ranks;
    private readonly IReadOnlyList<Tensor> _parameters;
    private readonly IReadOnlyList<ParameterPlace> _places;
    private readonly Dictionary<object, int> _orderOf;
    private readonly IReadOnlyList<Bucket> _buckets;
    private readonly NativeBuffer _message;
    private readonly Dictionary<Tensor, int> _indexOf;
    private readonly SemaphoreSlim _complete = new(0), _carried = new(0);
    private readonly bool[] _hasGradient, _behind;
    private int _reached, _sent;
    private volatile bool _stopping;
    private ExceptionDispatchInfo? _failure;

    /// <param name="optimizer">Knows the ranks and each parameter's owner.</param>
    /// <param name="places">In the order of the backward pass; parameters that are in none are carried at its end.</param>
    /// <param name="bucketFloats">About what a message holds.</param>
    public GradientExchange(Optimizer optimizer, IReadOnlyList<ParameterPlace> places, int bucketFloats)
    {
        _ranks = optimizer.Ranks;
        _parameters = [.. optimizer.Parameters.Select(p => p.Tensor)];
        _indexOf = new Dictionary<Tensor, int>(_parameters.Select((t, i) => KeyValuePair.Create(t, i)), ReferenceEqualityComparer.Instance);
        _places = places;
        _orderOf = new Dictionary<object, int>(places.Select((p, i) => KeyValuePair.Create(p.Place, i)), ReferenceEqualityComparer.Instance);
        _buckets = Bucket.Collect(_parameters, optimizer.Owners, places, bucketFloats);
        _message = new NativeBuffer(_buckets.Where(b => b.Parameters.Count > 1).Select(b => b.Floats).DefaultIfEmpty(0).Max());
        _hasGradient = new bool[_parameters.Count];
        _behind = new bool[places.Count];
        new Thread(Carry) { IsBackground = true, Name = "cleave-gradients" }.Start();
    }

    /// <summary>Begins to carry gradients as the next backward pass on <paramref name="tape"/> completes them: it is the update's last.</summary>
    public void Watch(Tape tape) => tape.Reached = PlaceReached;

    /// <summary>
    /// Carries what is left. Afterwards an owner's parameters have the sums over all ranks' micro-batches; who has no contribution from
    /// anybody has no gradient.
    /// </summary>
    /// <param name="loss">The sum over this rank's micro-batches.</param>
    /// <returns>The sum over everybody's.</returns>
    /// <exception cref="OperationCanceledException">Some rank was interrupted; all of them stop here.</exception>
    public double Finish(Tape tape, double loss, CancellationToken cancellation)
    {
        tape.Reached = null;
        Release(_places.Count + 1);
        while (_sent < _buckets.Count)
        {
            _carried.Wait(CancellationToken.None);
            _failure?.Throw();
            _sent++;
        }
        var said = new double[2 + _parameters.Count];
        (said[0], said[1]) = (loss, cancellation.IsCancellationRequested ? 1 : 0);
        for (int i = 0; i < _hasGradient.Length; i++)
            said[2 + i] = _hasGradient[i] ? 1 : 0;
        _ranks.AllReduceSum(said);
        for (int i = 0; i < _parameters.Count; i++)
        {
            _parameters[i].GradientIsComplete = false;
            if (said[2 + i] == 0)
                _parameters[i].ClearGradient();
        }
        (_reached, _sent) = (0, 0);
        Array.Clear(_behind);
        cancellation.ThrowIfCancellationRequested();
        return said[1] == 0 ? said[0] : throw new CleaveException("another process of the job was interrupted; the same command with --resume continues");
    }

    /// <summary>Everybody's weights become those of their owners.</summary>
    public void ShareWeights()
    {
        foreach (Bucket bucket in _buckets)
        {
            bool own = bucket.Owner == _ranks.Rank;
            if (bucket.Parameters is [var alone])
            {
                _ranks.Broadcast(alone.Data, bucket.Owner);
                continue;
            }
            Span<float> message = _message.Span[..bucket.Floats];
            foreach (Place at in Places(bucket, own))
                at.Tensor.Data.CopyTo(message[at.Start..]);
            _ranks.Broadcast(message, bucket.Owner);
            foreach (Place at in Places(bucket, !own))
                message.Slice(at.Start, at.Tensor.Length).CopyTo(at.Tensor.Data);
        }
    }

    /// <summary>Ends the thread, at once or when the operation that it waits in comes back; the message is the collector's, as it may still be in use.</summary>
    public void Dispose()
    {
        _stopping = true;
        _complete.Release();
    }

    private void PlaceReached(object place)
    {
        if (!_orderOf.TryGetValue(place, out int order))
            return;
        _behind[order] = true;
        int reached = _reached;
        while (reached < _behind.Length && _behind[reached])
            reached++;
        if (reached > _reached)
            Release(reached);
    }

    /// <summary>Hands over the buckets whose gradients are complete now.</summary>
    private void Release(int reached)
    {
        for (int place = _reached; place < reached; place++)
            Seal(place < _places.Count ? _places[place].Parameters : _parameters);
        int count = _buckets.Count(b => b.Reached > _reached && b.Reached <= reached);
        _reached = reached;
        if (count > 0)
            _complete.Release(count);
    }

    private void Seal(IReadOnlyList<Tensor> parameters)
    {
        foreach (Tensor tensor in parameters)
        {
            if (tensor.GradientIsComplete || !_indexOf.TryGetValue(tensor, out int index))
                continue;
            _hasGradient[index] = tensor.HasGradient;
            tensor.GradientIsComplete = true;
        }
    }

    private void Carry()
    {
        try
        {
            for (int next = 0; ; next = (next + 1) % _buckets.Count)
            {
                _complete.Wait();
                if (_stopping)
                    return;
                Sum(_buckets[next]);
                _carried.Release();
            }
        }
        catch (Exception e)
        {
            _failure = ExceptionDispatchInfo.Capture(e);
            _carried.Release();
        }
    }

    private void Sum(Bucket bucket)
    {
        if (bucket.Parameters is [var alone])
        {
            _ranks.ReduceSum(alone.CompleteGradient, bucket.Owner);
            return;
        }
        Span<float> message = _message.Span[..bucket.Floats];
        foreach (Place at in Places(bucket))
            at.Tensor.CompleteGradient.CopyTo(message[at.Start..]);
        _ranks.ReduceSum(message, bucket.Owner);
        foreach (Place at in Places(bucket, bucket.Owner == _ranks.Rank))
            message.Slice(at.Start, at.Tensor.Length).CopyTo(at.Tensor.CompleteGradient);
    }

    private readonly record struct Place(Tensor Tensor, int Start);

    /// <summary>Where in a message each parameter lies; nowhere unless <paramref name="wanted"/>.</summary>
    private static IEnumerable<Place> Places(Bucket bucket, bool wanted = true)
    {
        int start = 0;
        foreach (Tensor tensor in wanted ? bucket.Parameters : [])
        {
            yield return new Place(tensor, start);
            start += tensor.Length;
        }
    }
}
