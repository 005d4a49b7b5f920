using Cleave.Formats.Gguf;
using Cleave.Numerics;

namespace Cleave.Tests.Formats.Gguf;

public sealed class GgufWriterTests : IDisposable
{
    private static readonly GgufKey[] Keys =
    [
        new("general.architecture", "llama"), new("u8", GgufValueType.U8, 255L), new("i8", GgufValueType.I8, -128L), new("u16", GgufValueType.U16, 65535L),
        new("i16", GgufValueType.I16, -5L), new("u32", 7), new("i32", GgufValueType.I32, -7L), new("f32", 0.1f), new("flag", true), new("text", "ü\0"),
        new("u64", GgufValueType.U64, ulong.MaxValue), new("i64", GgufValueType.I64, long.MinValue), new("f64", GgufValueType.F64, 0.1),
        GgufKey.List("texts", ["a", "", "ü"]), GgufKey.List("numbers", [1, -2]), new("flags", GgufValueType.List, new[] { true, false }, GgufValueType.Bool),
        new("floats", GgufValueType.List, new[] { 0.5, -1 }, GgufValueType.F32), new("none", GgufValueType.List, Array.Empty<long>(), GgufValueType.U8),
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-gguf").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    public void What_is_written_read_and_written_again_is_the_same(int alignment)
    {
        GgufKey[] keys = alignment == 32 ? Keys : [.. Keys, new GgufKey("general.alignment", alignment)];
        string first = Path.Combine(_folder, "1.gguf"), second = Path.Combine(_folder, "2.gguf");
        GgufWriter.Write(first, keys, [Bytes("a", GgufTensorType.F32, [3], 12), Bytes("b.weight", GgufTensorType.Q5_0, [2, 3, 64], 264), Bytes("c", GgufTensorType.I8, [5, 1], 5)]);
        using (GgufFile file = GgufFile.Open(first))
        {
            Assert.Equal(3u, file.Version);
            Assert.Equal(keys.Select(k => (k.Name, k.Type, k.Element)), file.Metadata.Keys.Select(k => (k.Name, k.Type, k.Element)));
            Assert.Equal(ulong.MaxValue, file.Metadata.Find("u64"));
            Assert.All(file.Entries, e => Assert.Equal(0, e.FileOffset % alignment));
            Assert.Equal([2, 3, 64], file.Entry("b.weight").Shape);
            GgufWriter.Write(second, file.Metadata.Keys, [.. file.Entries.Select(e => new GgufTensor(e.Name, e.Type, e.Shape, s =>
            {
                var bytes = new byte[e.ByteCount];
                file.ReadBytes(e, 0, bytes);
                s.Write(bytes);
            }))]);
        }
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(second));
    }

    [Fact]
    public void What_cannot_be_a_file_is_refused_and_leaves_none()
    {
        Refused("there twice", [Keys[0], Keys[0]]);
        Refused("there twice", [], Bytes("a", GgufTensorType.F32, [1], 4), Bytes("a", GgufTensorType.F32, [1], 4));
        Refused("wrote 3 bytes", [], Bytes("a", GgufTensorType.F32, [1], 3));
        Refused("cannot be Q4_K", [], Bytes("a", GgufTensorType.Q4_K, [1, 128], 72));
        Refused("does not hold U8", [new GgufKey("k", GgufValueType.U8, 256L)]);
        Refused("does not hold U8", [new GgufKey("k", GgufValueType.U8, "x")]);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    private void Refused(string why, GgufKey[] keys, params GgufTensor[] tensors) =>
        Assert.Contains(why, Assert.Throws<ArgumentException>(() => GgufWriter.Write(Path.Combine(_folder, "x.gguf"), keys, tensors)).Message);

    private static GgufTensor Bytes(string name, GgufTensorType type, long[] shape, int count) => new(name, type, shape, s =>
    {
        var random = new Rng((ulong)count);
        for (int i = 0; i < count; i++)
            s.WriteByte((byte)random.NextInt(256));
    });
}
