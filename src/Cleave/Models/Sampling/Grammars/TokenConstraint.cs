using System.Numerics;
using Cleave.Tokenizers;

namespace Cleave.Models.Sampling.Grammars;

/// <summary>
/// Keeps a model to a grammar: says which tokens may come next in one text after the other. It leads to an end in time: a
/// token that would leave more to say than there are tokens left is not allowed. Not for several threads at once.
/// </summary>
public sealed class TokenConstraint : ITokenConstraint
{
    private const int MaxFrames = 200_000, RememberedMasks = 512, Tries = 8;

    private readonly TokenTrie _trie;
    private readonly ITokenizer _tokenizer;
    private readonly ParseSteps _steps;
    private readonly TokenMasks _masks;
    private readonly long _needed;
    private readonly Dictionary<Key, ulong[]> _remembered = [];
    private readonly ulong[] _mask;
    private ParseState _at = new(), _next = new(), _other = new();
    private Func<int, bool> _isEnd = _ => false;
    private int[] _ends = [];
    private bool _first;

    /// <exception cref="GrammarException">The tokenizer cannot write any text of the grammar, or it begins in too many ways at once.</exception>
    public TokenConstraint(Grammar grammar, ITokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(grammar);
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer;
        _trie = TokenTrie.Of(tokenizer);
        long[] distances = Distances.Of(grammar.Automata, _trie.HasByte);
        _steps = new ParseSteps(grammar.Automata, distances, grammar.Origin);
        _masks = new TokenMasks(_trie, _steps);
        _mask = new ulong[_masks.Words];
        Begin(_isEnd);
        _needed = Needed();
        if (_needed >= Distances.Infinite)
            throw new GrammarException(grammar.Origin, "the model's tokenizer cannot write any text of it: tokens of single bytes are missing");
    }

    /// <summary>Whether nothing can follow any more.</summary>
    public bool IsComplete => _at.Count == 0;

    /// <summary>Whether the text so far is one of the grammar.</summary>
    public bool Accepts => _at.Accepts;

    /// <summary>Begins a new text.</summary>
    /// <param name="isEnd">The tokens that end it.</param>
    public void Begin(Func<int, bool> isEnd) => Begin(isEnd, isFirst: true);

    /// <summary>Begins a new text, or one behind what was written already.</summary>
    /// <param name="isFirst">Whether its first token is the first that is decoded.</param>
    internal void Begin(Func<int, bool> isEnd, bool isFirst)
    {
        ArgumentNullException.ThrowIfNull(isEnd);
        _isEnd = isEnd;
        _ends = [.. Enumerable.Range(0, _tokenizer.VocabularySize).Where(isEnd)];
        if (_steps.FrameCount > MaxFrames)
        {
            _steps.ForgetFrames();
            _remembered.Clear();
        }
        _steps.Start(_at);
        _first = isFirst && _trie.DropsFirstBlank;
    }

    /// <exception cref="CapacityException">Not even the shortest text of the grammar has room.</exception>
    public void CheckRoom(int tokens)
    {
        if (_needed > tokens)
            throw new CapacityException($"{tokens} tokens are not enough for the shortest text of the grammar ({_needed}); allow more tokens or shorten the prompt");
    }

    /// <summary>Chooses the next token of a text and goes on to it.</summary>
    /// <param name="logits">Those of the tokens that may not come become −∞.</param>
    /// <param name="left">How many tokens may still be made, with this one.</param>
    public (int Token, float Probability) Choose(TokenSampler sampler, Span<float> logits, int left)
    {
        ArgumentNullException.ThrowIfNull(sampler);
        Restrict(logits);
        // What does not fit is rare until the end is near: it is found when it was drawn, and drawn again.
        for (int tried = 0; ; tried++)
        {
            (int token, float probability) = sampler.Next(logits);
            if (Advance(token, left))
                return (token, probability);
            logits[token] = float.NegativeInfinity;
            if (tried == Tries)
                RestrictToFitting(logits, left);
        }
    }

    /// <summary>Sets the logits of all tokens that may not come next to −∞.</summary>
    public void Restrict(Span<float> logits)
    {
        if (logits.Length < _trie.VocabularySize)
            throw new ArgumentException($"{logits.Length} logits for a vocabulary of {_trie.VocabularySize}", nameof(logits));
        ReadOnlySpan<ulong> mask = CurrentMask();
        for (int word = 0; word < mask.Length; word++)
        {
            ulong refused = ~mask[word];
            if (refused == 0)
                continue;
            Span<float> group = logits.Slice(64 * word, Math.Min(64, logits.Length - 64 * word));
            if (mask[word] == 0)
            {
                group.Fill(float.NegativeInfinity);
                continue;
            }
            for (; refused != 0; refused &= refused - 1)
            {
                int bit = BitOperations.TrailingZeroCount(refused);
                if (bit >= group.Length)
                    break;
                group[bit] = float.NegativeInfinity;
            }
        }
        // A model may have more logits than its tokenizer has tokens.
        if (logits.Length > 64 * mask.Length)
            logits[(64 * mask.Length)..].Fill(float.NegativeInfinity);
    }

    /// <summary>Goes on to a token, unless it may not come or leaves too much to say.</summary>
    /// <param name="left">How many tokens may still be made, with this one.</param>
    public bool Advance(int token, int left = int.MaxValue)
    {
        if (_isEnd(token))
        {
            if (!_at.Accepts)
                return false;
            _at.Clear();
            return true;
        }
        if (!Follow(token) || _steps.Left(_next) > left - 1L)
            return false;
        (_at, _next) = (_next, _at);
        _first = false;
        return true;
    }

    /// <summary>Goes on to the bytes with which a text begins that was not begun at the end of a token.</summary>
    /// <param name="left">How many tokens may still be made.</param>
    internal bool Advance(ReadOnlySpan<byte> bytes, int left)
    {
        _next.CopyFrom(_at);
        Step(bytes);
        if (_next.IsDead || _steps.Left(_next) > left)
            return false;
        (_at, _next) = (_next, _at);
        return true;
    }

    /// <summary>How many tokens the shortest text needs, each a single byte.</summary>
    private long Needed()
    {
        long whole = _steps.Left(_at);
        if (!_first || _at.Accepts)
            return whole;
        // Of a text that begins with a blank that blank would be dropped: another one goes before it.
        long least = _trie.DroppedBlanks.Length > 0 ? whole + 1 : Distances.Infinite;
        for (int value = 0; value < 256; value++)
        {
            if (value == ' ' || !_trie.HasByte[value])
                continue;
            _steps.Step(_at, (byte)value, _next);
            least = Math.Min(least, _steps.Left(_next) + 1);
        }
        return least;
    }

    /// <summary>Puts what comes after a token into <see cref="_next"/>.</summary>
    private bool Follow(int token)
    {
        ReadOnlySpan<byte> bytes = _tokenizer.BytesOf(token);
        if (_tokenizer.IsSpecial(token) || bytes.IsEmpty)
            return false;
        if (_first && bytes[0] == (byte)' ')
        {
            bytes = bytes[1..];
            if (bytes.IsEmpty && !_trie.DroppedBlanks.Contains(token))
                return false;
        }
        _next.CopyFrom(_at);
        Step(bytes);
        return !_next.IsDead;
    }

    private void Step(ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            (_next, _other) = (_other, _next);
            _steps.Step(_other, value, _next);
        }
    }

    private void RestrictToFitting(Span<float> logits, int left)
    {
        int kept = 0;
        for (int token = 0; token < logits.Length; token++)
        {
            if (float.IsNegativeInfinity(logits[token]))
                continue;
            if (_isEnd(token) || (Follow(token) && _steps.Left(_next) <= left - 1L))
                kept++;
            else
                logits[token] = float.NegativeInfinity;
        }
        if (kept == 0)
            throw new CapacityException($"no token can follow within the {left} that are left");
    }

    private ReadOnlySpan<ulong> CurrentMask()
    {
        if (_first)
            _masks.FillFirst(_at, _mask);
        else
            Remembered().CopyTo(_mask);
        foreach (int end in _ends)
        {
            if (_at.Accepts)
                _mask[end >> 6] |= 1UL << end;
            else
                _mask[end >> 6] &= ~(1UL << end);
        }
        return _mask;
    }

    private ReadOnlySpan<ulong> Remembered()
    {
        var key = new Key([.. _at.Items]);
        if (_remembered.TryGetValue(key, out ulong[]? mask))
            return mask;
        mask = new ulong[_mask.Length];
        _masks.Fill(_at, mask);
        if (_remembered.Count >= RememberedMasks)
            _remembered.Clear();
        return _remembered[key] = mask;
    }

    /// <summary>All ways of reading a text, as a key.</summary>
    private readonly struct Key((int State, Frame? Frame)[] items) : IEquatable<Key>
    {
        private readonly (int State, Frame? Frame)[] _items = items;

        public bool Equals(Key other) => _items.AsSpan().SequenceEqual(other._items);

        public override bool Equals(object? obj) => obj is Key other && Equals(other);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            foreach ((int state, Frame? frame) in _items)
                hash.Add(HashCode.Combine(state, frame?.Id ?? -2));
            return hash.ToHashCode();
        }
    }
}
