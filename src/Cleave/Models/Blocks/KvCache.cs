using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>
/// One sequence's keys and values, for every layer: what lets the next token be computed from the last one alone.
/// </summary>
public sealed class KvCache : IDisposable
{
    private readonly int[] _widths;
    private readonly NativeBuffer[] _keys;
    private readonly NativeBuffer[] _values;
    private int _capacity;

    /// <param name="capacity">Positions to make room for at first; it grows.</param>
    public KvCache(TransformerSpec spec, int capacity = 64)
    {
        ArgumentNullException.ThrowIfNull(spec);
        _widths = [.. spec.Layers.Select(l => l.KeyValueHeads * l.HeadSize)];
        _capacity = Math.Max(1, capacity);
        _keys = [.. _widths.Select(w => new NativeBuffer(w * _capacity))];
        _values = [.. _widths.Select(w => new NativeBuffer(w * _capacity))];
    }

    /// <summary>Positions filled.</summary>
    public int Length { get; private set; }

    public ReadOnlySpan<float> Keys(int layer, int positions) => _keys[layer].Span[..(positions * _widths[layer])];

    public ReadOnlySpan<float> Values(int layer, int positions) => _values[layer].Span[..(positions * _widths[layer])];

    /// <summary>Forgets everything after the first <paramref name="length"/> positions.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
    }

    public void Dispose()
    {
        for (int i = 0; i < _keys.Length; i++)
        {
            _keys[i].Dispose();
            _values[i].Dispose();
        }
    }

    /// <summary>Stores one layer's new rows behind the filled positions; <see cref="Advance"/> counts them.</summary>
    internal void Append(int layer, ReadOnlySpan<float> keys, ReadOnlySpan<float> values)
    {
        int at = Length * _widths[layer];
        Reserve(Length + keys.Length / _widths[layer]);
        keys.CopyTo(_keys[layer].Span[at..]);
        values.CopyTo(_values[layer].Span[at..]);
    }

    internal void Advance(int positions) => Length += positions;

    private void Reserve(int positions)
    {
        if (positions <= _capacity)
            return;
        _capacity = Math.Max(positions, _capacity * 2);
        for (int i = 0; i < _widths.Length; i++)
        {
            Grow(ref _keys[i], _widths[i] * _capacity);
            Grow(ref _values[i], _widths[i] * _capacity);
        }
    }

    private static void Grow(ref NativeBuffer buffer, int length)
    {
        var larger = new NativeBuffer(length);
        buffer.Span.CopyTo(larger.Span);
        buffer.Dispose();
        buffer = larger;
    }
}
