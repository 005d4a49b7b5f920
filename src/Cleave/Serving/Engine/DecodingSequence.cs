using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Cleave.Evaluation.Energy;
using Cleave.Models.Sampling;
using Cleave.Models.Sampling.Grammars;
using Cleave.Numerics.Kernels;

namespace Cleave.Serving.Engine;

/// <summary>
/// One sequence between whoever asked and the thread that computes: tokens go one way, the wish to stop the other. Nothing of
/// one sequence is seen by another.
/// </summary>
internal sealed class DecodingSequence
{
    private readonly object _gate = new();
    private readonly Queue<MadeToken> _made = [];
    private readonly List<int> _tokens;
    private readonly int[] _newest = new int[1];
    private readonly long _asked = Stopwatch.GetTimestamp();
    private long _began;
    private bool _over;
    private volatile bool _stop;
    private ExceptionDispatchInfo? _error;
    private SequenceResult? _result;

    /// <param name="limit">Most tokens, as <see cref="GenerationRoom.Limit"/> says.</param>
    public DecodingSequence(SequenceRequest request, int limit)
    {
        (Request, Limit) = (request, limit);
        Sampler = new TokenSampler(request.Sampling);
        _tokens = [.. request.Prompt];
    }

    public SequenceRequest Request { get; }
    public int Limit { get; }
    public TokenSampler Sampler { get; }
    public ITokenConstraint? Constraint => Request.Constraint;

    // What follows belongs to the thread that computes.

    /// <summary>Tokens that the model has not read yet: the rest of the prompt, or the newest token.</summary>
    public ReadOnlyMemory<int> Unread { get; private set; }

    /// <summary>Tokens of <see cref="Unread"/> that are part of the step.</summary>
    public int Share { get; set; }

    /// <summary>Tokens that were made.</summary>
    public int Made => _tokens.Count - Request.Prompt.Length;

    /// <summary>The prompt and what was made.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    /// <summary>Tokens of the prompt that were known and not read again.</summary>
    public int Known { get; private set; }

    public KeyValuePages? Cache { get; private set; }

    /// <summary>Bytes of keys and values of the longest answer.</summary>
    public required long Bytes { get; init; }

    public EnergyUse Energy { get; set; } = new(0, 0, true, 0);

    /// <summary>Whether nobody waits for more.</summary>
    public bool IsStopped => _stop;

    /// <summary>Computation begins.</summary>
    /// <param name="first">What is read first.</param>
    public void Begin(KeyValuePages cache, ReadOnlyMemory<int> first)
    {
        (Cache, Unread, Known) = (cache, first, cache.Length);
        _began = Stopwatch.GetTimestamp();
    }

    /// <summary>The step's share has been read.</summary>
    public void Advance() => Unread = Unread[Share..];

    /// <summary>Tells a token, which is then read.</summary>
    public void Say(in MadeToken token)
    {
        _newest[0] = token.Id;
        Unread = _newest;
        _tokens.Add(token.Id);
        lock (_gate)
        {
            _made.Enqueue(token);
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Gives back what the sequence holds and says the last word.</summary>
    /// <param name="endProbability">Of the token that ended it, or null.</param>
    public void End(float? endProbability = null, Exception? error = null)
    {
        Cache?.Dispose();
        Cache = null;
        long began = _began == 0 ? Stopwatch.GetTimestamp() : _began;
        lock (_gate)
        {
            _over = true;
            _error = error is null ? null : ExceptionDispatchInfo.Capture(error);
            _result = new SequenceResult(endProbability is not null, endProbability, Stopwatch.GetElapsedTime(_asked, began), Stopwatch.GetElapsedTime(began), Energy, Known);
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Asks for the end; safe from any thread.</summary>
    public void Stop() => _stop = true;

    /// <summary>Hands the tokens to <paramref name="onToken"/> on the calling thread until it returns false or there are no more, and returns when all is over.</summary>
    public SequenceResult Listen(Func<MadeToken, bool> onToken)
    {
        try
        {
            while (Next() is { } token)
            {
                if (_stop)
                    continue; // made before the wish was heard
                if (!onToken(token))
                    _stop = true;
            }
        }
        catch
        {
            _stop = true;
            while (Next() is not null)
            {
                // The engine still has it: what it works with must not be touched before that has ended.
            }
            throw;
        }
        _error?.Throw();
        return _result!;
    }

    /// <summary>The next token, waited for; null where there is none any more.</summary>
    internal MadeToken? Next()
    {
        lock (_gate)
        {
            while (_made.Count == 0 && !_over)
                Monitor.Wait(_gate);
            return _made.Count > 0 ? _made.Dequeue() : null;
        }
    }
}
