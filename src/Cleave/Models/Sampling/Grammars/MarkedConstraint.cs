using System.Text;
using Cleave.Tokenizers;

namespace Cleave.Models.Sampling.Grammars;

/// <summary>Where a text of a grammar begins within a free one.</summary>
/// <param name="Marker">The words before it; empty where the answer's first character decides.</param>
/// <param name="First">That character, where there is no marker.</param>
public sealed record GrammarMarker(string Marker, char First);

/// <summary>
/// Lets a model write what it likes until a marker comes: what follows the marker is a text of a grammar, and behind it all is free again.
/// A token that completes the marker is not taken where the shortest text of the grammar would have no room behind it.
/// </summary>
/// <param name="inner">The grammar's, for this text alone.</param>
/// <param name="begun">Whether the first text of the grammar begins at once: the marker is part of the prompt.</param>
/// <param name="once">Whether all ends with the first text of the grammar.</param>
public sealed class MarkedConstraint(TokenConstraint inner, GrammarMarker where, ITokenizer tokenizer, bool begun, bool once) : ITokenConstraint
{
    private static readonly Func<int, bool> Nothing = _ => false;

    private readonly byte[] _marker = Encoding.UTF8.GetBytes(where.Marker);
    private readonly int? _markerId = SpecialOf(where.Marker, tokenizer);
    private readonly List<byte> _tail = []; // the end of what was written, as far as a marker may begin in it
    private Func<int, bool> _isEnd = Nothing;
    private bool _inside, _isDecided, _complete;

    public bool IsComplete => _complete;

    /// <summary>False: nothing says that a free text is whole.</summary>
    public bool Accepts => false;

    /// <summary>The marker's id where it is one control token, which decoders leave out.</summary>
    public static int? SpecialOf(string marker, ITokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(marker);
        ArgumentNullException.ThrowIfNull(tokenizer);
        return marker.Length > 0 && tokenizer.IdOf(marker) is { } id && tokenizer.IsSpecial(id) ? id : null;
    }

    public void Begin(Func<int, bool> isEnd)
    {
        ArgumentNullException.ThrowIfNull(isEnd);
        _isEnd = isEnd;
        _tail.Clear();
        (_inside, _isDecided, _complete) = (begun, false, false);
        if (begun)
            inner.Begin(Nothing);
    }

    public void CheckRoom(int tokens)
    {
        if (begun)
            inner.CheckRoom(tokens);
    }

    public (int Token, float Probability) Choose(TokenSampler sampler, Span<float> logits, int left)
    {
        ArgumentNullException.ThrowIfNull(sampler);
        if (_inside)
        {
            (int Token, float Probability) chosen = inner.Choose(sampler, logits, left);
            if (inner.IsComplete)
                Leave();
            return chosen;
        }
        while (true)
        {
            (int token, float probability) = sampler.Next(logits);
            if (_isEnd(token) || Take(token, left - 1))
                return (token, probability);
            logits[token] = float.NegativeInfinity;
        }
    }

    private void Leave()
    {
        _tail.Clear();
        (_inside, _isDecided, _complete) = (false, true, once);
    }

    // Whether a token may come within the free text; where it completes the marker, it is the last one of that.
    private bool Take(int token, int left)
    {
        if (token == _markerId)
            return Enter([], left);
        // A model may have more logits than its tokenizer has tokens.
        ReadOnlySpan<byte> bytes = token >= tokenizer.VocabularySize || tokenizer.IsSpecial(token) ? [] : tokenizer.BytesOf(token);
        return _marker.Length == 0 ? TakeFirst(bytes, left) : TakeMarked(bytes, left);
    }

    private bool TakeFirst(ReadOnlySpan<byte> bytes, int left)
    {
        if (_isDecided)
            return true;
        bytes = bytes.TrimStart(" \t\r\n"u8);
        if (bytes.IsEmpty)
            return true;
        if (bytes[0] == where.First)
            return Enter(bytes, left);
        _isDecided = true;
        return true;
    }

    private bool TakeMarked(ReadOnlySpan<byte> bytes, int left)
    {
        int before = _tail.Count;
        _tail.AddRange(bytes);
        int at = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_tail).IndexOf(_marker);
        if (at >= 0 && !Enter([.. _tail[(at + _marker.Length)..]], left))
        {
            _tail.RemoveRange(before, _tail.Count - before);
            return false;
        }
        _tail.RemoveRange(0, Math.Max(0, _tail.Count - (_marker.Length - 1)));
        return true;
    }

    private bool Enter(ReadOnlySpan<byte> first, int left)
    {
        inner.Begin(Nothing, isFirst: false);
        if (!inner.Advance(first, left))
            return false;
        _inside = true;
        if (inner.IsComplete)
            Leave();
        return true;
    }
}
