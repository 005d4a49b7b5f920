using Cleave.Evaluation.Energy;
using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Training.Adapters;

namespace Cleave.Serving.Engine;

/// <summary>
/// Continues texts of one model for everybody who asks at the same time: a thread computes them together (<see cref="SequenceBatch"/>),
/// and each request waits for its own on its own thread, so that a slow listener holds up nobody.
/// </summary>
public sealed class DecodingEngine : IDisposable
{
    private readonly Transformer _model;
    private readonly SequenceBatch _batch;
    private readonly ComputeTurns _turns;
    private readonly ComputeShare _share;
    private readonly object _gate = new();
    private readonly List<DecodingSequence> _asked = [];
    private readonly Thread _thread;
    private volatile EngineLoad _load = new(0, 0, 0);
    private bool _disposed;
    private long _reserved, _held, _demanded;

    /// <param name="turns">Shared by all that compute in this process.</param>
    /// <param name="meter">Counts the energy of each request, or null.</param>
    /// <exception cref="CleaveException">The model is an encoder, or an option is out of range.</exception>
    /// <param name="adapters">Of the model: requests say by number which one they use.</param>
    public DecodingEngine(Transformer model, ComputeTurns turns, ComputeShare share, EngineOptions? options = null, EnergyMeter? meter = null, AdapterBank? adapters = null)
    {
        ArgumentNullException.ThrowIfNull(turns);
        ArgumentNullException.ThrowIfNull(share);
        (_model, _turns, _share) = (model, turns, share);
        _batch = new SequenceBatch(model, options ?? new EngineOptions(), meter, adapters);
        _thread = new Thread(Work) { IsBackground = true, Name = $"cleave-engine-{share.Name}" };
        _thread.Start();
    }

    /// <summary>What the engine had in hand after its last step.</summary>
    public EngineLoad Load => _load;

    /// <summary>Bytes of keys and values that its sequences may come to hold; what is below <see cref="EngineOptions.KeyValueBytes"/> is raised to that. May change while it computes.</summary>
    public long Room
    {
        get => _batch.Room;
        set
        {
            lock (_gate)
            {
                _batch.Room = value;
                Monitor.Pulse(_gate); // where it computes, its next step sees to it
            }
        }
    }

    /// <summary>Bytes that are set aside for running sequences.</summary>
    public long ReservedRoom => Volatile.Read(ref _reserved);

    /// <summary>Those, and what is kept for prompts to come.</summary>
    public long HeldRoom => Volatile.Read(ref _held);

    /// <summary>Bytes of keys and values that all requests so far could come to hold.</summary>
    public long DemandedBytes => Volatile.Read(ref _demanded);

    /// <summary>Refuses what <see cref="Run"/> would refuse.</summary>
    /// <returns>Most tokens of the answer.</returns>
    /// <exception cref="CapacityException">
    /// The prompt does not leave room for one token in the context, or for the shortest text of the grammar, or the memory for keys and values is too small.
    /// </exception>
    public int Check(SequenceRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        int limit = GenerationRoom.Limit(_model, request.Prompt.Length, request.Sampling, request.Constraint);
        _batch.Needed(request.Prompt.Length, limit);
        return limit;
    }

    /// <summary>
    /// Continues a prompt. <paramref name="onToken"/> gets each token on the calling thread and ends the generation by returning false; tokens
    /// that end it are not handed out. When this returns, or throws, nothing of the request is left in the engine.
    /// </summary>
    /// <exception cref="CapacityException">See <see cref="Check"/>.</exception>
    /// <exception cref="OperationCanceledException">The request was cancelled; seen before the next step.</exception>
    public SequenceResult Run(SequenceRequest request, Func<MadeToken, bool> onToken, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(onToken);
        int limit = Check(request);
        cancellation.ThrowIfCancellationRequested();
        request.Constraint?.Begin(request.IsEnd);
        if (request.Constraint is { IsComplete: true })
            return new SequenceResult(false, null, TimeSpan.Zero, TimeSpan.Zero, default);
        var sequence = new DecodingSequence(request, limit) { Bytes = _batch.Needed(request.Prompt.Length, limit) };
        Interlocked.Add(ref _demanded, sequence.Bytes);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _asked.Add(sequence);
            Monitor.Pulse(_gate);
        }
        using CancellationTokenRegistration registration = cancellation.Register(sequence.Stop);
        SequenceResult result = sequence.Listen(onToken);
        cancellation.ThrowIfCancellationRequested();
        return result;
    }

    /// <summary>Ends what is running and the thread.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            Monitor.Pulse(_gate);
        }
        _thread.Join();
    }

    private void Work()
    {
        while (Receive())
        {
            _turns.Take(_share);
            try
            {
                while (Compute())
                    _turns.Renew();
            }
            finally
            {
                _turns.Leave();
            }
        }
        _batch.Dispose();
    }

    // One step with whoever has asked by now.
    private bool Compute()
    {
        lock (_gate)
        {
            _asked.ForEach(_batch.Add);
            _asked.Clear();
            if (_disposed)
                return false;
        }
        bool busy = _batch.Step();
        Look();
        return busy;
    }

    private void Look()
    {
        _load = new EngineLoad(_batch.Running, _batch.Waiting, _batch.HeldBytes);
        Volatile.Write(ref _reserved, _batch.ReservedBytes);
        Volatile.Write(ref _held, _batch.ReservedBytes + _batch.KeptBytes);
    }

    // Waits for work; false where the engine ends.
    private bool Receive()
    {
        lock (_gate)
        {
            while (_asked.Count == 0 && !_disposed)
            {
                Monitor.Wait(_gate);
                _batch.Trim();
                Look();
            }
            _asked.ForEach(_batch.Add);
            _asked.Clear();
            return !_disposed;
        }
    }
}

/// <summary>What an engine has in hand after a step.</summary>
/// <param name="Running">Sequences that are computed.</param>
/// <param name="Waiting">Sequences that wait for a place or for memory.</param>
/// <param name="HeldBytes">Of the running sequences' keys and values.</param>
public sealed record EngineLoad(int Running, int Waiting, long HeldBytes);
