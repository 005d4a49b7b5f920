using Cleave.Evaluation.Energy;
using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;
using Cleave.Training.Adapters;

namespace Cleave.Serving.Engine;

/// <summary>
/// Sequences of one model that come and go while they are computed together, one forward pass a step (iteration-level
/// scheduling; Yu et al., 2022, "Orca"). A step reads the newest token of each sequence that writes, and of prompts as much as
/// there is room for, so that a long prompt holds up nobody (Agrawal et al., 2023, "Sarathi"); prompts share that room evenly.
/// Sequences begin in the order in which they came, once the keys and values of their longest answer fit; none is ever put
/// back. For one thread.
/// </summary>
internal sealed class SequenceBatch : IDisposable
{
    private readonly Transformer _model;
    private readonly EngineOptions _options;
    private readonly EnergyMeter? _meter;
    private readonly long _least;
    private long _room;
    private readonly Tape _tape = new(records: false);
    private readonly TokenBatch _batch = new();
    private readonly List<DecodingSequence> _waiting = [];
    private readonly List<DecodingSequence> _running = [];
    private readonly List<DecodingSequence> _reading = []; // of the running ones, those with more than one token to read
    private readonly List<DecodingSequence> _step = [];
    private readonly List<KeyValuePages> _caches = []; // of the step
    private readonly List<(DecodingSequence Sequence, float? EndProbability, Exception? Error)> _ended = [];
    private readonly List<int> _adapters = []; // of the step
    private readonly KnownPrefixes _known;
    private readonly AdapterBank? _bank;
    private readonly int[] _rows;

    /// <exception cref="CleaveException">The model is an encoder, or an option is out of range.</exception>
    public SequenceBatch(Transformer model, EngineOptions options, EnergyMeter? meter = null, AdapterBank? adapters = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        model.RequireContinuation();
        (_model, _options, _meter, _bank) = (model, options.Checked(), meter, adapters);
        _room = _least = options.KeyValueBytes ?? Math.Max(1, MemoryPlan.Available() / 4);
        _known = new KnownPrefixes(model.Encoder is null ? options.KnownPrefixes : 0);
        _rows = new int[options.MaxSequences];
    }

    public int Waiting => _waiting.Count;
    public int Running => _running.Count;

    /// <summary>Bytes of keys and values that the running sequences may come to hold, never below <see cref="EngineOptions.KeyValueBytes"/>; may be set from any thread.</summary>
    public long Room
    {
        get => Volatile.Read(ref _room);
        set => Volatile.Write(ref _room, Math.Max(value, _least));
    }

    /// <summary>Bytes of keys and values that are set aside for the running sequences.</summary>
    public long ReservedBytes => _running.Sum(s => s.Bytes);

    /// <summary>Bytes of the pages that they hold now.</summary>
    public long HeldBytes => _running.Sum(s => s.Cache!.Bytes + (s.Cache.Source?.Bytes ?? 0));

    /// <summary>Bytes of the pages that are kept for prompts to come; given up when a sequence needs them.</summary>
    public long KeptBytes => _known.Bytes;

    /// <summary>Bytes of keys and values of a request's longest answer; may be asked from any thread.</summary>
    /// <exception cref="CapacityException">They would not fit, even alone.</exception>
    public long Needed(int prompt, int limit)
    {
        int own = _model.Encoder is null ? prompt + limit : limit;
        long bytes = Bytes(own) + (_model.Encoder is null ? 0 : Bytes(prompt));
        return bytes <= _least ? bytes
            : throw new CapacityException($"the keys and values of {prompt} tokens and an answer of {limit} need {ByteSize.Text(bytes)}, and {ByteSize.Text(_least)} are there for them; ask for fewer tokens");
    }

    /// <summary>Bytes of keys and values of the longest text that a model can hold; null where that cannot be told.</summary>
    public static long? LongestText(Transformer model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Encoder is null ? Bytes(model, model.Spec.ContextLength) : null;
    }

    public void Add(DecodingSequence sequence) => _waiting.Add(sequence);

    /// <summary>Gives up what is kept for prompts to come as far as the room demands it.</summary>
    public void Trim() => _known.Shrink(Room - ReservedBytes);

    /// <summary>Computes one step; false where nothing is left to do after it.</summary>
    public bool Step()
    {
        DropStopped();
        EnergyReading start = _meter?.Read() ?? default;
        try
        {
            Admit();
            if (_running.Count == 0)
                return _waiting.Count > 0;
            Compose();
            Compute();
            ShareEnergy(start);
        }
        catch (Exception e)
        {
            // How far the pass came cannot be told: none of its sequences can go on.
            _ended.Clear();
            _ended.AddRange(_running.Select(s => (s, (float?)null, (Exception?)e)));
        }
        finally
        {
            _tape.Reset();
        }
        foreach ((DecodingSequence sequence, float? probability, Exception? error) in _ended)
        {
            _running.Remove(sequence);
            if (error is null)
                Keep(sequence, ReservedBytes);
            sequence.End(probability, error);
        }
        _ended.Clear();
        return _running.Count + _waiting.Count > 0;
    }

    /// <summary>Ends every sequence with an <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        var over = new ObjectDisposedException(nameof(DecodingEngine), "the model has been unloaded");
        foreach (DecodingSequence sequence in _running.Concat(_waiting))
            sequence.End(error: over);
        _running.Clear();
        _waiting.Clear();
        _known.Dispose();
        _tape.Dispose();
    }

    private void DropStopped()
    {
        Drop(_waiting);
        Drop(_running);

        static void Drop(List<DecodingSequence> sequences) => sequences.RemoveAll(s =>
        {
            bool stopped = s.IsStopped; // may come to be true at any time
            if (stopped)
                s.End();
            return stopped;
        });
    }

    private void Admit()
    {
        int sourceTokens = 0;
        long reserved = ReservedBytes;
        _batch.Clear();
        List<DecodingSequence> begun = [];
        long room = Room;
        foreach (DecodingSequence next in _waiting)
        {
            if (!StepRules.Begins(_running.Count + begun.Count, reserved, next.Bytes, _options.MaxSequences, room))
                break;
            if (_model.Encoder is not null)
            {
                sourceTokens += next.Request.Prompt.Length;
                if (begun.Count > 0 && sourceTokens > _options.StepTokens)
                    break; // an encoder reads whole texts; the next ones in the next step
                _batch.Add(next.Request.Prompt);
            }
            else if (IsBeingRead(next.Request, begun))
            {
                continue; // those behind need not wait with it
            }
            reserved += next.Bytes;
            begun.Add(next);
        }
        if (begun.Count == 0)
            return;
        _waiting.RemoveAll(begun.Contains);
        _known.Shrink(room - reserved);
        try
        {
            if (_model.Encoder is null)
            {
                begun.ForEach(Begin);
            }
            else
            {
                KeyValuePages[] caches = _bank?.Begin(_tape, _batch, [.. begun.Select(s => s.Request.Adapter)]) ?? _model.Begin(_tape, _batch);
                foreach ((DecodingSequence sequence, KeyValuePages cache) in begun.Zip(caches))
                    sequence.Begin(cache, new[] { _model.Spec.DecoderStart });
            }
        }
        catch (Exception e)
        {
            begun.ForEach(s => s.End(error: e));
            return;
        }
        _running.AddRange(begun);
    }

    private void Begin(DecodingSequence sequence)
    {
        int[] prompt = sequence.Request.Prompt;
        KeyValuePages? known = _known.Take(sequence.Request.Adapter, prompt);
        sequence.Begin(known ?? _model.NewCache(), prompt.AsMemory(known?.Length ?? 0));
    }

    /// <summary>Whether another sequence is about to read the beginning of this prompt: it is worth the wait.</summary>
    private bool IsBeingRead(SequenceRequest request, List<DecodingSequence> begun)
    {
        if (_options.KnownPrefixes == 0)
            return false;
        int known = _known.Match(request.Adapter, request.Prompt);
        return _running.Where(s => s.Made == 0).Concat(begun).Any(s => s.Request.Adapter == request.Adapter && KnownPrefixes.Common(s.Request.Prompt, request.Prompt) > known);
    }

    // Keys and values of what a sequence has read, for prompts that begin alike.
    private void Keep(DecodingSequence sequence, long reserved)
    {
        if (sequence.Cache is { Length: >= KeyValuePages.PagePositions, Source: null } cache)
            _known.Keep(sequence.Request.Adapter, sequence.Tokens, cache, Room - reserved);
    }

    /// <summary>What each running sequence reads: those that write before those that still read their prompts.</summary>
    private void Compose()
    {
        _batch.Clear();
        _step.Clear();
        _caches.Clear();
        _adapters.Clear();
        _reading.Clear();
        foreach (DecodingSequence sequence in _running)
        {
            if (sequence.Unread.Length == 1)
                Take(sequence, 1);
            else
                _reading.Add(sequence);
        }
        // The shortest first, so that what one does not need is shared by the others.
        _reading.Sort((a, b) => a.Unread.Length.CompareTo(b.Unread.Length));
        int left = _options.StepTokens - _step.Count;
        for (int i = 0; i < _reading.Count; i++)
            left -= Take(_reading[i], StepRules.Part(_reading[i].Unread.Length, left, _reading.Count - i));

        int Take(DecodingSequence sequence, int tokens)
        {
            sequence.Share = tokens;
            _batch.Add(sequence.Unread.Span[..tokens], sequence.Cache!.Length);
            _step.Add(sequence);
            _caches.Add(sequence.Cache);
            _adapters.Add(sequence.Request.Adapter);
            return tokens;
        }
    }

    private void Compute()
    {
        Tensor hidden = _bank?.Forward(_tape, _batch, _adapters, _caches) ?? _model.Forward(_tape, _batch, caches: _caches);
        ReadOnlySpan<int> offsets = _batch.Offsets.Span;
        int rows = 0;
        for (int i = 0; i < _step.Count; i++)
        {
            _step[i].Advance();
            if (_step[i].Unread.Length == 0)
                _rows[rows++] = offsets[i + 1] - 1;
        }
        if (rows == 0)
            return;
        Tensor logits = _model.Logits(_tape, Op.GatherRows(_tape, hidden, _rows.AsMemory(0, rows)));
        int row = 0;
        foreach (DecodingSequence sequence in _step)
        {
            if (sequence.Unread.Length == 0)
                Choose(sequence, logits.Data.Slice(row++ * logits.Columns, logits.Columns));
        }
    }

    private void Choose(DecodingSequence sequence, Span<float> logits)
    {
        SequenceRequest request = sequence.Request;
        try
        {
            (int token, float probability) = request.Constraint?.Choose(sequence.Sampler, logits, sequence.Limit - sequence.Made) ?? sequence.Sampler.Next(logits);
            if (request.IsEnd(token))
            {
                _ended.Add((sequence, probability, null));
                return;
            }
            if (sequence.Made == 0)
                Keep(sequence, ReservedBytes); // its prompt is read: others may begin with it
            sequence.Say(request.Alternatives is { } count ? TokenChances.Of(logits, token, probability, count) : new MadeToken(token, probability));
            if (sequence.Made >= sequence.Limit || request.Constraint is { IsComplete: true })
                _ended.Add((sequence, null, null));
        }
        catch (Exception e)
        {
            _ended.Add((sequence, null, e)); // its own trouble: a grammar that no token can follow, what it was asked with
        }
    }

    private void ShareEnergy(EnergyReading start)
    {
        if (_meter is null)
            return;
        EnergyUse used = _meter.Since(start);
        foreach (DecodingSequence sequence in _step)
        {
            double part = (double)sequence.Share / _batch.Tokens;
            sequence.Energy = EnergyUse.Sum([sequence.Energy, new EnergyUse(part * used.Joules, part * used.Uncertainty, used.Measured, part * used.CoreSeconds)]);
        }
    }

    private long Bytes(int positions) => Bytes(_model, positions);

    /// <summary>Bytes of the keys and values of so many positions, by whole pages.</summary>
    public static long Bytes(Transformer model, int positions)
    {
        ArgumentNullException.ThrowIfNull(model);
        IReadOnlyList<LayerSpec> layers = model.Spec.Layers;
        return layers.Count == 0 ? 0 : KeyValuePages.BytesFor(layers.Sum(l => l.KeyValueHeads), layers[0].HeadSize, positions, model.CacheFormat);
    }
}
