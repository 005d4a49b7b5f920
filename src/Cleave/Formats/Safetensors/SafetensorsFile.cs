using Microsoft.Win32.SafeHandles;

namespace Cleave.Formats.Safetensors;

/// <summary>
/// Reads a safetensors file (huggingface/safetensors, format specification). The header is read and checked at
/// once; a tensor's bytes are read when asked for, straight into the caller's memory, so a file larger than the
/// memory can be used and a file that is cut short meanwhile is an error, not a crash. Safe from several threads.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly Dictionary<string, SafetensorsEntry> _entries = new(StringComparer.Ordinal);

    private SafetensorsFile(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
        FileBytes = RandomAccess.GetLength(handle);
        var start = new byte[SafetensorsHeader.LengthBytes];
        int got = RandomAccess.Read(handle, start, 0);
        var header = new byte[SafetensorsHeader.ReadLength(start.AsSpan(0, got), FileBytes, path)];
        ReadAt(header, SafetensorsHeader.LengthBytes, "the header");
        (List<SafetensorsEntry> entries, Dictionary<string, string> metadata) = SafetensorsHeader.Parse(header, FileBytes, path);
        foreach (SafetensorsEntry entry in entries)
            _entries.Add(entry.Name, entry);
        Names = [.. entries.Select(e => e.Name)];
        Metadata = metadata;
    }

    public string Path { get; }

    public long FileBytes { get; }

    /// <summary>Names in the order in which the header lists them.</summary>
    public IReadOnlyList<string> Names { get; }

    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <exception cref="ModelFileException">The file is absent, unreadable, damaged or not safetensors.</exception>
    public static SafetensorsFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SafeFileHandle handle = ModelBytes.Open(path);
        try
        {
            return new SafetensorsFile(path, handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <exception cref="ModelFileException">There is no tensor of that name.</exception>
    public SafetensorsEntry Entry(string name) => _entries.TryGetValue(name, out SafetensorsEntry? entry) ? entry
        : throw new ModelFileException(Path, $"there is no tensor {name} among the {Names.Count} in the file");

    /// <summary>A copy of a tensor's bytes.</summary>
    /// <exception cref="ModelFileException">There is no such tensor, or it has more than 2 GiB: read it in parts.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        SafetensorsEntry entry = Entry(name);
        if (entry.ByteCount > Array.MaxLength)
            throw new ModelFileException(Path, $"the tensor {name} of {entry.ByteCount} bytes is too large to read at once", entry.FileOffset);
        var bytes = new byte[entry.ByteCount];
        ReadBytes(entry, 0, bytes);
        return bytes;
    }

    /// <summary>A part of a tensor's bytes.</summary>
    /// <param name="from">The first byte, within the tensor.</param>
    public void ReadBytes(SafetensorsEntry entry, long from, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (from < 0 || from > entry.ByteCount - destination.Length)
            throw new ArgumentOutOfRangeException(nameof(from), from, $"the tensor {entry.Name} has {entry.ByteCount} bytes");
        ReadAt(destination, entry.FileOffset + from, entry.Name);
    }

    /// <summary>A tensor's elements as float32, converted from F64, F32, F16 or BF16.</summary>
    /// <param name="destination">As long as the tensor has elements.</param>
    /// <exception cref="ModelFileException">There is no such tensor, or it does not hold floating-point numbers.</exception>
    public void ReadSingle(string name, Span<float> destination)
    {
        SafetensorsEntry entry = Entry(name);
        if (entry.Elements != destination.Length)
            throw new ArgumentException($"the tensor {name} has {entry.Elements} elements, the destination {destination.Length}", nameof(destination));
        ReadSingle(entry, 0, destination);
    }

    /// <summary>A part of a tensor's elements as float32.</summary>
    /// <param name="from">The first element.</param>
    public void ReadSingle(SafetensorsEntry entry, long from, Span<float> destination)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (!entry.DType.IsFloatingPoint())
            throw new ModelFileException(Path, $"the tensor {entry.Name} is {entry.DType}, not floating-point numbers", entry.FileOffset);
        if (from < 0 || from > entry.Elements - destination.Length)
            throw new ArgumentOutOfRangeException(nameof(from), from, $"the tensor {entry.Name} has {entry.Elements} elements");
        FloatReader.Read(this, entry, from, destination);
    }

    public void Dispose() => _handle.Dispose();

    private void ReadAt(Span<byte> destination, long offset, string what) => ModelBytes.Read(_handle, Path, destination, offset, what);
}
