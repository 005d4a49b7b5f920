using Microsoft.Win32.SafeHandles;

namespace Cleave.Formats.Gguf;

/// <summary>
/// Reads a GGUF file, version 2 or 3 (ggml's format specification). Keys and the list of tensors are read and checked
/// at once; a tensor's bytes when asked for, straight into the caller's memory. Safe from several threads.
/// </summary>
public sealed class GgufFile : IDisposable
{
    private const uint Magic = 0x46554747; // "GGUF"
    private const int MostDimensions = 4;

    private readonly SafeFileHandle _handle;
    private readonly Dictionary<string, GgufEntry> _entries = new(StringComparer.Ordinal);

    private GgufFile(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
        FileBytes = RandomAccess.GetLength(handle);
        var cursor = new GgufCursor(path, FileBytes, (destination, offset) => ModelBytes.Read(_handle, path, destination, offset, "the header"));
        if (FileBytes < 24 || cursor.UInt32() != Magic)
            throw new ModelFileException(path, "this is not a GGUF file: it does not begin with 'GGUF'", 0);
        Version = cursor.UInt32();
        if (Version is not (2 or 3))
            throw new ModelFileException(path, $"GGUF version {Version} is not supported, only 2 and 3; convert the file again with a current tool", 4);
        int tensors = cursor.Count("tensors", 24), keys = cursor.Count("keys", 13);
        Metadata = ReadMetadata(cursor, keys);
        ReadEntries(cursor, tensors);
        CheckOverlaps();
    }

    public string Path { get; }

    public long FileBytes { get; }

    public uint Version { get; }

    public GgufMetadata Metadata { get; }

    /// <summary>Tensors in the order in which the file lists them.</summary>
    public IReadOnlyCollection<GgufEntry> Entries => _entries.Values;

    /// <exception cref="ModelFileException">The file is absent, unreadable, damaged or not GGUF.</exception>
    public static GgufFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SafeFileHandle handle = ModelBytes.Open(path);
        try
        {
            return new GgufFile(path, handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <exception cref="ModelFileException">There is no tensor of that name.</exception>
    public GgufEntry Entry(string name) => _entries.TryGetValue(name, out GgufEntry? entry) ? entry
        : throw new ModelFileException(Path, $"there is no tensor {name} among the {_entries.Count} in the file");

    /// <summary>A part of a tensor's bytes.</summary>
    /// <param name="from">The first byte, within the tensor.</param>
    public void ReadBytes(GgufEntry entry, long from, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (from < 0 || from > entry.ByteCount - destination.Length)
            throw new ArgumentOutOfRangeException(nameof(from), from, $"the tensor {entry.Name} has {entry.ByteCount} bytes");
        ModelBytes.Read(_handle, Path, destination, entry.FileOffset + from, entry.Name);
    }

    public void Dispose() => _handle.Dispose();

    private GgufMetadata ReadMetadata(GgufCursor cursor, int keys)
    {
        var read = new List<GgufKey>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < keys; i++)
        {
            long at = cursor.Position;
            GgufKey key = cursor.Key();
            if (!names.Add(key.Name))
                throw new ModelFileException(Path, $"the key {key.Name} is there twice", at);
            read.Add(key);
        }
        return new GgufMetadata(Path, read);
    }

    private void ReadEntries(GgufCursor cursor, int tensors)
    {
        long alignment = Metadata.Alignment;
        var listed = new List<(string Name, GgufTensorType Type, long[] Shape, ulong Offset, long At)>();
        for (int i = 0; i < tensors; i++)
        {
            long at = cursor.Position;
            string name = cursor.Text();
            uint dimensions = cursor.UInt32();
            if (dimensions is 0 or > MostDimensions)
                throw new ModelFileException(Path, $"the tensor {name} has {dimensions} dimensions; 1 to {MostDimensions} are possible", at);
            var shape = new long[dimensions];
            for (int d = shape.Length - 1; d >= 0; d--)
                shape[d] = cursor.UInt64() is > 0 and <= int.MaxValue and var size ? (long)size
                    : throw new ModelFileException(Path, $"the tensor {name} has a dimension that is zero or beyond 2^31", at);
            listed.Add((name, (GgufTensorType)cursor.UInt32(), shape, cursor.UInt64(), at));
        }
        long start = (cursor.Position + alignment - 1) / alignment * alignment;
        foreach ((string name, GgufTensorType type, long[] shape, ulong offset, long at) in listed)
        {
            GgufEntry entry = Place(name, type, shape, offset, start, at);
            if (entry.FileOffset % alignment != 0)
                throw new ModelFileException(Path, $"the tensor {name} does not begin at a multiple of {alignment} bytes", at);
            if (!_entries.TryAdd(name, entry))
                throw new ModelFileException(Path, $"the tensor {name} is there twice", at);
        }
    }

    private GgufEntry Place(string name, GgufTensorType type, long[] shape, ulong offset, long start, long at)
    {
        if (type.Block() is not { } block)
            throw new ModelFileException(Path, $"the tensor {name} has the block type {(int)type}, which is not known", at);
        if (shape[^1] % block.Elements != 0)
            throw new ModelFileException(Path, $"the tensor {name} has rows of {shape[^1]}, not a multiple of the {block.Elements} in a block of {type}", at);
        UInt128 bytes = (UInt128)(ulong)(shape[^1] / block.Elements * block.Bytes);
        foreach (long d in shape.AsSpan(0, shape.Length - 1))
            bytes *= (ulong)d; // at most 4 dimensions of 31 bits
        if (start > FileBytes || bytes > (ulong)(FileBytes - start) || offset > (ulong)(FileBytes - start) - (ulong)bytes)
            throw new ModelFileException(Path, $"the tensor {name} of {bytes} bytes ends behind the file's {FileBytes}; the file is cut short or damaged", at);
        return new GgufEntry(name, type, shape, start + (long)offset, (long)bytes);
    }

    private void CheckOverlaps()
    {
        long end = 0;
        foreach (GgufEntry entry in _entries.Values.OrderBy(e => e.FileOffset))
        {
            if (entry.FileOffset < end)
                throw new ModelFileException(Path, $"the tensor {entry.Name} overlaps the one before it", entry.FileOffset);
            end = entry.FileOffset + entry.ByteCount;
        }
    }
}
