using Cleave.Numerics.Kernels;

namespace Cleave.Models.Bag;

/// <summary>
/// The gradient of an embedding table over one batch, in factored form: for each touched row the list of
/// (weight, text) whose pooled derivatives add up to it. A row's gradient is formed in a vector that stays in
/// the first-level cache, at the moment the optimizer updates that row; rows are independent of each other, so
/// several threads may share them out without changing a bit. All buffers are used again.
/// </summary>
public sealed class SparseGradient
{
    private readonly int _dim;
    private readonly int[] _slotOfRow;
    private readonly int[] _stampOfRow;
    private int _stamp = 1;
    private float[] _pooled = new float[4096];
    private int _texts, _entries, _touched;
    private int[] _slot = new int[4096], _text = new int[4096], _sortedText = new int[4096];
    private float[] _weight = new float[4096], _sortedWeight = new float[4096];
    private int[] _rowOfSlot = new int[1024], _start = new int[1025];

    public SparseGradient(int rows, int dim)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(dim, 1);
        _dim = dim;
        _slotOfRow = new int[rows];
        _stampOfRow = new int[rows];
    }

    /// <summary>The rows that have a gradient, in the order in which they were first touched; valid after <see cref="Close"/>.</summary>
    public ReadOnlySpan<int> TouchedRows => _rowOfSlot.AsSpan(0, _touched);

    /// <summary>Forgets the batch.</summary>
    public void Reset()
    {
        (_texts, _entries, _touched) = (0, 0, 0);
        if (_stamp == int.MaxValue)
        {
            Array.Clear(_stampOfRow);
            _stamp = 0;
        }
        _stamp++;
    }

    /// <summary>Adds one text's share.</summary>
    public void Add(ReadOnlySpan<int> rows, ReadOnlySpan<float> weights, ReadOnlySpan<float> dPooled)
    {
        Reserve(ref _pooled, (_texts + 1) * _dim);
        dPooled[.._dim].CopyTo(_pooled.AsSpan(_texts * _dim));
        int needed = _entries + rows.Length;
        Reserve(ref _slot, needed);
        Reserve(ref _text, needed);
        Reserve(ref _weight, needed);
        for (int i = 0; i < rows.Length; i++)
        {
            int row = rows[i];
            if (_stampOfRow[row] != _stamp)
            {
                _stampOfRow[row] = _stamp;
                _slotOfRow[row] = _touched;
                Reserve(ref _rowOfSlot, _touched + 1);
                _rowOfSlot[_touched++] = row;
            }
            _slot[_entries] = _slotOfRow[row];
            _text[_entries] = _texts;
            _weight[_entries++] = weights[i];
        }
        _texts++;
    }

    /// <summary>Sorts the batch by row (a counting sort, stable); call once, after the last <see cref="Add"/>.</summary>
    public void Close()
    {
        Reserve(ref _start, _touched + 1);
        Reserve(ref _sortedText, _entries);
        Reserve(ref _sortedWeight, _entries);
        Span<int> start = _start.AsSpan(0, _touched + 1);
        start.Clear();
        foreach (int slot in _slot.AsSpan(0, _entries))
            start[slot]++;
        int sum = 0;
        for (int slot = 0; slot <= _touched; slot++)
            (start[slot], sum) = (sum, sum + start[slot]);
        for (int i = 0; i < _entries; i++)
        {
            int at = start[_slot[i]]++;
            _sortedText[at] = _text[i];
            _sortedWeight[at] = _weight[i];
        }
        // Each start has moved to the next slot's start: move the list back by one.
        for (int slot = _touched; slot > 0; slot--)
            start[slot] = start[slot - 1];
        start[0] = 0;
    }

    /// <summary>The gradient of <c>TouchedRows[slot]</c>.</summary>
    /// <param name="gradient">(dim), overwritten.</param>
    public void Form(int slot, Span<float> gradient)
    {
        gradient = gradient[.._dim];
        gradient.Clear();
        for (int i = _start[slot]; i < _start[slot + 1]; i++)
            VectorMath.AddScaled(gradient, _pooled.AsSpan(_sortedText[i] * _dim, _dim), _sortedWeight[i]);
    }

    private static void Reserve<T>(ref T[] buffer, int count)
    {
        if (buffer.Length < count)
            Array.Resize(ref buffer, Math.Max(count, buffer.Length * 2));
    }
}
