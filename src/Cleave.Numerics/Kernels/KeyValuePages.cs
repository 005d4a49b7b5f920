using System.Runtime.CompilerServices;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Kernels;

/// <summary>How keys and values are held.</summary>
public enum KeyValueFormat
{
    /// <summary>IEEE half precision: 2 bytes an element.</summary>
    Float16,

    /// <summary>x ≈ q · d: a float32 d for each position and head, and 8-bit q: an element takes 1 byte and its share of 4.</summary>
    Int8,
}

/// <summary>
/// One sequence's keys and values of every layer in sixteen or eight bits, in pages of 64 positions that sequences with a common
/// beginning share. Memory grows by the page; nothing is moved.
/// </summary>
/// <remarks>
/// A page holds, for each layer, each head's keys with the positions side by side, (D, 64), and its values with the channels
/// side by side, (64, D), so that scores and sums both run along rows; behind them, for 8-bit elements, the keys' and the values'
/// scales, (64) a head. Within sixteen float16 neighbours the first and the second eight alternate: a vector of 32-bit lanes holds
/// eight of each. D is rounded up to sixteen with zeros. Not safe for use from two threads, but sequences that share pages may be
/// used from different ones.
/// </remarks>
public sealed unsafe partial class KeyValuePages : IDisposable
{
    public const int PagePositions = 64;
    internal const int Together = 16;

    private readonly int[] _heads;
    private readonly long[] _layerStart; // in bytes, within a page
    private readonly long _pageBytes;
    private readonly List<Page> _pages = [];
    private nint[] _pointers = GC.AllocateUninitializedArray<nint>(16, pinned: true);

    /// <param name="heads">G of each layer.</param>
    /// <param name="headSize">D.</param>
    /// <exception cref="CapacityException">A page of 64 positions is larger than 4 GiB.</exception>
    public KeyValuePages(IReadOnlyList<int> heads, int headSize, KeyValueFormat format = KeyValueFormat.Float16)
    {
        ArgumentNullException.ThrowIfNull(heads);
        ArgumentOutOfRangeException.ThrowIfLessThan(headSize, 1);
        _heads = [.. heads];
        HeadSize = headSize;
        Format = format;
        PaddedHead = Padded(headSize);
        _layerStart = new long[_heads.Length];
        for (int l = 0; l < _heads.Length; l++)
        {
            _layerStart[l] = _pageBytes;
            _pageBytes += BytesFor(_heads[l], headSize, PagePositions, format);
        }
        if (_pageBytes > 2L * int.MaxValue)
            throw new CapacityException($"{PagePositions} positions of {_heads.Length} layers need {_pageBytes:N0} bytes, more than a page holds");
    }

    public KeyValueFormat Format { get; }

    /// <summary>
    /// What the sequence looks at besides itself, kept and disposed of with it; null where that is nothing. A fork shares it.
    /// </summary>
    public KeyValuePages? Source { get; init; }

    public int HeadSize { get; }

    /// <summary>Positions filled, the same in every layer.</summary>
    public int Length { get; private set; }

    /// <summary>Bytes of the pages, shared ones included.</summary>
    public long Bytes => _pages.Count * _pageBytes;

    /// <summary>Bytes of so many positions of so many key-value heads, those of all layers together.</summary>
    public static long BytesFor(int heads, int headSize, int positions, KeyValueFormat format = KeyValueFormat.Float16) =>
        2L * heads * (Padded(headSize) * ElementBytes(format) + (format == KeyValueFormat.Int8 ? sizeof(float) : 0))
            * ((positions + PagePositions - 1L) / PagePositions * PagePositions);

    /// <summary>Positions that the pages hold, filled or not.</summary>
    internal int Room => _pages.Count * PagePositions;

    /// <summary>D rounded up to sixteen.</summary>
    internal int PaddedHead { get; }

    internal int Heads(int layer) => _heads[layer];

    /// <summary>The pages' beginnings; a pinned array, valid until the next <see cref="Append"/>.</summary>
    internal nint* Pages => (nint*)Unsafe.AsPointer(ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(_pointers));

    /// <summary>Stores one layer's rows behind the filled positions; <see cref="Advance"/> counts them.</summary>
    /// <param name="keys">(T, G·D)</param>
    /// <param name="values">(T, G·D)</param>
    /// <exception cref="CapacityException">There is not that much memory.</exception>
    public void Append(int layer, ReadOnlySpan<float> keys, ReadOnlySpan<float> values)
    {
        int width = _heads[layer] * HeadSize, rows = keys.Length / width;
        Guard.Length(keys.Length, (long)rows * width, nameof(keys));
        Guard.Length(values.Length, keys.Length, nameof(values));
        Reserve(Length + rows);
        using Scratch scratch = Scratch.Rent(width);
        var halves = new Span<Half>(scratch.Pointer, width);
        for (int r = 0; r < rows; r++)
        {
            int at = Length + r, position = at % PagePositions;
            var page = (byte*)_pointers[at / PagePositions];
            ReadOnlySpan<float> key = keys.Slice(r * width, width), value = values.Slice(r * width, width);
            if (Format == KeyValueFormat.Int8)
            {
                PutInt8(page, layer, position, key, value);
                continue;
            }
            Conversion.FloatToHalf(key, halves);
            PutKeys((ushort*)KeyBlock(page, layer, 0), (ushort*)scratch.Pointer, _heads[layer], position);
            Conversion.FloatToHalf(value, halves);
            PutValues((ushort*)ValueBlock(page, layer, 0), (ushort*)scratch.Pointer, _heads[layer], position);
        }
    }

    /// <summary>Counts positions that every layer has been given.</summary>
    public void Advance(int positions) => Length += positions;

    /// <summary>Forgets everything after the first <paramref name="length"/> positions.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        int pages = (length + PagePositions - 1) / PagePositions;
        for (int p = _pages.Count - 1; p >= pages; p--)
        {
            _pages[p].Dispose();
            _pages.RemoveAt(p);
        }
        Length = length;
    }

    /// <summary>Another sequence with the same beginning: full pages are shared, the last one is copied when it is written to.</summary>
    public KeyValuePages Fork()
    {
        var fork = new KeyValuePages(_heads, HeadSize, Format) { Length = Length, Source = Source?.Fork() };
        for (int p = 0; p * PagePositions < Length; p++)
        {
            _pages[p].Share();
            fork.Add(_pages[p]);
        }
        return fork;
    }

    /// <summary>Copies one layer's first positions as float32: keys and values (S, G·D).</summary>
    public void CopyTo(int layer, Span<float> keys, Span<float> values)
    {
        int width = _heads[layer] * HeadSize, positions = keys.Length / width;
        Guard.Length(keys.Length, (long)positions * width, nameof(keys));
        Guard.Length(values.Length, keys.Length, nameof(values));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(positions, _pages.Count * PagePositions);
        fixed (float* pk = keys, pv = values)
        {
            var part = new CopyPart { Owner = this, Layer = layer, Positions = positions, Keys = pk, Values = pv };
            ThreadTeam.Current.Run((positions + PagePositions - 1) / PagePositions, ref part);
        }
    }

    public void Dispose()
    {
        Source?.Dispose();
        foreach (Page page in _pages)
            page.Dispose();
        _pages.Clear();
        Length = 0;
    }

    /// <summary>Bytes of one head's keys, or values, in a page.</summary>
    internal nint BlockBytes => (nint)PaddedHead * PagePositions * ElementBytes(Format);

    /// <summary>One head's keys in a page: (D, 64).</summary>
    internal byte* KeyBlock(byte* page, int layer, int head) => page + _layerStart[layer] + head * BlockBytes;

    /// <summary>One head's values in a page: (64, D).</summary>
    internal byte* ValueBlock(byte* page, int layer, int head) => KeyBlock(page, layer, _heads[layer] + head);

    /// <summary>The scales of one head's 8-bit keys; those of its values lie <see cref="Heads"/> further.</summary>
    internal float* Scales(byte* page, int layer, int head) => (float*)KeyBlock(page, layer, 2 * _heads[layer]) + (nint)head * PagePositions;

    /// <summary>Where a row's element is: within sixteen the first and second eight alternate.</summary>
    internal static int Place(int index) => index / Together * Together + index % Together % 8 * 2 + index % Together / 8;

    /// <summary>Copies a page.</summary>
    private struct CopyPart : IPart
    {
        public KeyValuePages Owner;
        public float* Keys, Values;
        public int Layer, Positions;

        public readonly void Invoke(int part)
        {
            int size = Owner.HeadSize, width = Owner._heads[Layer] * size, count = Math.Min(PagePositions, Positions - part * PagePositions);
            float* row = stackalloc float[PagePositions];
            float* k = Keys + (nint)part * PagePositions * width, v = Values + (nint)part * PagePositions * width;
            for (int h = 0; h < Owner._heads[Layer]; h++, k += size, v += size)
            {
                var page = (byte*)Owner._pointers[part];
                if (Owner.Format == KeyValueFormat.Int8)
                {
                    Owner.CopyInt8(page, Layer, h, count, width, k, v);
                    continue;
                }
                ushort* keys = (ushort*)Owner.KeyBlock(page, Layer, h), values = (ushort*)Owner.ValueBlock(page, Layer, h);
                for (int d = 0; d < size; d++)
                {
                    for (int p = 0; p < count; p += Together)
                        HalfRows.Widen(keys + d * PagePositions + p, row + p);
                    for (int p = 0; p < count; p++)
                        k[(nint)p * width + d] = row[p];
                }
                for (int p = 0; p < count; p++)
                {
                    for (int d = 0; d < size; d += Together)
                    {
                        HalfRows.Widen(values + p * Owner.PaddedHead + d, row);
                        new ReadOnlySpan<float>(row, Math.Min(Together, size - d)).CopyTo(new Span<float>(v + (nint)p * width + d, Together));
                    }
                }
            }
        }
    }

    private static int ElementBytes(KeyValueFormat format) => format == KeyValueFormat.Int8 ? sizeof(sbyte) : sizeof(ushort);

    private static int Padded(int headSize) => (headSize + Together - 1) / Together * Together;

    private void PutKeys(ushort* block, ushort* row, int heads, int position)
    {
        ushort* to = block + Place(position);
        for (int h = 0; h < heads; h++, row += HeadSize, to += PaddedHead * PagePositions)
        {
            for (int d = 0; d < HeadSize; d++)
                to[d * PagePositions] = row[d];
        }
    }

    private void PutValues(ushort* block, ushort* row, int heads, int position)
    {
        ushort* to = block + position * PaddedHead;
        for (int h = 0; h < heads; h++, row += HeadSize, to += PaddedHead * PagePositions)
        {
            for (int d = 0; d < HeadSize; d++)
                to[Place(d)] = row[d];
        }
    }

    private void Reserve(int positions)
    {
        int first = Length / PagePositions;
        if (first < _pages.Count && _pages[first].IsShared)
        {
            var own = new Page(_pageBytes);
            _pages[first].Content.CopyTo(own.Content);
            _pages[first].Dispose();
            (_pages[first], _pointers[first]) = (own, own.Pointer);
        }
        while (_pages.Count * PagePositions < positions)
            Add(new Page(_pageBytes));
    }

    private void Add(Page page)
    {
        if (_pages.Count == _pointers.Length)
        {
            nint[] larger = GC.AllocateUninitializedArray<nint>(2 * _pointers.Length, pinned: true);
            _pointers.CopyTo(larger, 0);
            _pointers = larger;
        }
        _pointers[_pages.Count] = page.Pointer;
        _pages.Add(page);
    }

    /// <summary>Memory that several sequences may hold: each disposes of it once.</summary>
    private sealed class Page(long bytes) : IDisposable
    {
        private readonly NativeBuffer _memory = new((int)((bytes + 3) / 4));
        private int _holders = 1;

        public nint Pointer => (nint)_memory.Pointer;
        public bool IsShared => Volatile.Read(ref _holders) > 1;
        public Span<float> Content => _memory.Span;

        public void Share() => Interlocked.Increment(ref _holders);

        public void Dispose()
        {
            if (Interlocked.Decrement(ref _holders) == 0)
                _memory.Dispose();
        }
    }
}
