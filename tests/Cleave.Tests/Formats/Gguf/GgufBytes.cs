using System.Text;
using Cleave.Formats.Gguf;

namespace Cleave.Tests.Formats.Gguf;

/// <summary>Writes GGUF files from the format's specification, well-formed or not.</summary>
internal sealed class GgufBytes
{
    private readonly List<byte> _keys = [], _infos = [], _data = [];
    private int _keyCount, _infoCount;

    public uint Version { get; init; } = 3;

    public ulong? KeyCount { get; set; }

    public ulong? TensorCount { get; set; }

    public GgufBytes Key(string name, uint type, Action<BinaryWriter> value)
    {
        Write(_keys, w =>
        {
            Text(w, name);
            w.Write(type);
            value(w);
        });
        _keyCount++;
        return this;
    }

    public GgufBytes Key(string name, uint value) => Key(name, 4, w => w.Write(value));

    public GgufBytes Key(string name, float value) => Key(name, 6, w => w.Write(value));

    public GgufBytes Key(string name, string value) => Key(name, 8, w => Text(w, value));

    public GgufBytes Key(string name, params string[] values) => Key(name, 9, w =>
    {
        w.Write(8u);
        w.Write((ulong)values.Length);
        foreach (string value in values)
            Text(w, value);
    });

    /// <param name="shape">Rows first.</param>
    public GgufBytes Tensor(string name, GgufTensorType type, long[] shape, ReadOnlySpan<byte> data, ulong? offset = null)
    {
        Write(_infos, w =>
        {
            Text(w, name);
            w.Write((uint)shape.Length);
            foreach (long d in shape.Reverse())
                w.Write((ulong)d);
            w.Write((uint)type);
            w.Write(offset ?? (ulong)_data.Count);
        });
        _data.AddRange(data);
        while (_data.Count % 32 != 0)
            _data.Add(0);
        _infoCount++;
        return this;
    }

    public byte[] ToArray()
    {
        var all = new List<byte>();
        Write(all, w =>
        {
            w.Write("GGUF"u8);
            w.Write(Version);
            w.Write(TensorCount ?? (ulong)_infoCount);
            w.Write(KeyCount ?? (ulong)_keyCount);
        });
        all.AddRange(_keys);
        all.AddRange(_infos);
        while (all.Count % 32 != 0)
            all.Add(0);
        all.AddRange(_data);
        return [.. all];
    }

    private static void Write(List<byte> to, Action<BinaryWriter> write)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        write(writer);
        to.AddRange(stream.ToArray());
    }

    public static void Text(BinaryWriter w, string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        w.Write((ulong)bytes.Length);
        w.Write(bytes);
    }
}
