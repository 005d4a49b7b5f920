namespace Cleave.Models;

/// <summary>
/// Sequences of tokens laid end to end, without padding: sequence b is rows Offsets[b] … Offsets[b+1]−1. The arrays
/// are reused: a batch is valid until it is cleared, and tensors computed from it must not outlive that.
/// </summary>
public sealed class TokenBatch
{
    private int[] _ids = new int[256];
    private int[] _positions = new int[256];
    private int[] _types = new int[256];
    private int[] _offsets = new int[32];
    private int[] _lastRows = [];

    /// <summary>Sequences.</summary>
    public int Count { get; private set; }

    /// <summary>Tokens of all sequences.</summary>
    public int Tokens => _offsets[Count];

    public ReadOnlyMemory<int> Ids => _ids.AsMemory(0, Tokens);
    public ReadOnlyMemory<int> Positions => _positions.AsMemory(0, Tokens);

    /// <summary>The kind of each token, such as which text of a pair it belongs to; 0 unless it was said.</summary>
    public ReadOnlyMemory<int> Types => _types.AsMemory(0, Tokens);

    public ReadOnlyMemory<int> Offsets => _offsets.AsMemory(0, Count + 1);

    /// <summary>The row of each sequence's first token.</summary>
    public ReadOnlyMemory<int> FirstRows => _offsets.AsMemory(0, Count);

    /// <summary>The row of each sequence's last token.</summary>
    public ReadOnlyMemory<int> LastRows
    {
        get
        {
            if (_lastRows.Length < Count)
                _lastRows = new int[_offsets.Length];
            for (int s = 0; s < Count; s++)
                _lastRows[s] = _offsets[s + 1] - 1;
            return _lastRows.AsMemory(0, Count);
        }
    }

    public void Clear() => Count = 0;

    /// <summary>Adds a sequence that starts at position <paramref name="firstPosition"/> (above 0 behind a cache).</summary>
    public TokenBatch Add(ReadOnlySpan<int> ids, int firstPosition = 0)
    {
        if (ids.IsEmpty)
            throw new ArgumentException("a sequence has at least one token", nameof(ids));
        int start = Tokens, end = start + ids.Length;
        if (end > _ids.Length)
        {
            Array.Resize(ref _ids, Math.Max(end, _ids.Length * 2));
            Array.Resize(ref _positions, _ids.Length);
            Array.Resize(ref _types, _ids.Length);
        }
        if (Count + 2 > _offsets.Length)
            Array.Resize(ref _offsets, _offsets.Length * 2);
        ids.CopyTo(_ids.AsSpan(start));
        _types.AsSpan(start, ids.Length).Clear();
        for (int i = 0; i < ids.Length; i++)
            _positions[start + i] = firstPosition + i;
        _offsets[++Count] = end;
        return this;
    }

    /// <summary>Adds a whole sequence with the kinds of its tokens, one each; null for all of kind 0.</summary>
    public TokenBatch Add(ReadOnlySpan<int> ids, int[]? types)
    {
        if (types is not null && types.Length != ids.Length)
            throw new ArgumentException($"{types.Length} kinds for {ids.Length} tokens", nameof(types));
        Add(ids);
        types?.CopyTo(_types, _offsets[Count - 1]);
        return this;
    }
}
