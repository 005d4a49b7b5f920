using System.Buffers.Binary;
using System.Text;
using Cleave.Formats.Safetensors;

namespace Cleave.Tests.Formats;

public sealed class SafetensorsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-safetensors").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [SharedFact]
    public void Reads_a_file_that_the_format_s_own_library_wrote()
    {
        using var file = SafetensorsFile.Open(Shared.Data("tensor-files/voices.safetensors"));
        Assert.Equal(["tokens", "mask"], file.Names);
        Assert.Equal(SafetensorsDType.I64, file.Entry("tokens").DType);
        Assert.Equal([1, 982, 33], file.Entry("tokens").Shape);
        Assert.Equal(982 * 33, file.Bytes("mask").Length);
        Assert.All(file.Bytes("mask").ToArray(), b => Assert.InRange(b, 0, 1));
    }

    [Fact]
    public void What_is_written_is_read_and_equal_input_gives_equal_bytes()
    {
        float[] values = [0, -0f, 1, -1.5f, 3.14159f, 65504, 1e-7f, float.PositiveInfinity, float.NaN, 1e38f];
        TensorToWrite[] tensors =
        [
            TensorToWrite.From("f32", SafetensorsDType.F32, [2, 5], values),
            TensorToWrite.From("bf16 \"é\"", SafetensorsDType.BF16, [10], values),
            TensorToWrite.From("f16", SafetensorsDType.F16, [10, 1], values),
            TensorToWrite.From("i8", [3], new sbyte[] { -128, 0, 127 }),
            new TensorToWrite("scalar", SafetensorsDType.F64, [], BitConverter.GetBytes(0.1)),
            new TensorToWrite("empty", SafetensorsDType.U8, [0, 7], ReadOnlyMemory<byte>.Empty),
        ];
        var metadata = new Dictionary<string, string> { ["z"] = "last", ["format"] = "pt" };
        string path = Path.Combine(_folder, "a.safetensors"), again = Path.Combine(_folder, "b.safetensors");
        SafetensorsWriter.Write(path, tensors, metadata);
        SafetensorsWriter.Write(again, tensors, new Dictionary<string, string> { ["format"] = "pt", ["z"] = "last" });
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(again));
        Assert.Equal(0L, BinaryPrimitives.ReadInt64LittleEndian(File.ReadAllBytes(path)) % 8);

        using var file = SafetensorsFile.Open(path);
        Assert.Equal(tensors.Select(t => t.Name), file.Names);
        Assert.Equal("last", file.Metadata["z"]);
        var read = new float[10];
        file.ReadSingle("f32", read);
        Assert.Equal(values, read);
        file.ReadSingle("f16", read);
        Assert.Equal(values.Select(v => (float)(Half)v), read);
        file.ReadSingle("bf16 \"é\"", read);
        Assert.Equal([0, -0f, 1, -1.5f, 3.140625f, 65536, 1.0011717677116394e-07f, float.PositiveInfinity, float.NaN, 9.9692e37f], read.Select(
            (v, i) => i == 9 && Math.Abs(v / 9.9692e37f - 1) < 1e-4 ? 9.9692e37f : v));
        var scalar = new float[1];
        file.ReadSingle("scalar", scalar);
        Assert.Equal(0.1f, scalar[0]);
        Assert.Equal([128, 0, 127], file.Bytes("i8").ToArray());
        Assert.Equal(0, file.Entry("empty").Elements);
    }

    [Fact]
    public void A_part_of_a_tensor_can_be_read()
    {
        float[] values = [.. Enumerable.Range(0, 200_000).Select(i => (float)(i % 256))];
        string path = Path.Combine(_folder, "a.safetensors");
        SafetensorsWriter.Write(path, [TensorToWrite.From("x", SafetensorsDType.BF16, [200_000], values)]);
        using var file = SafetensorsFile.Open(path);
        var part = new float[150_001];
        file.ReadSingle(file.Entry("x"), 49_999, part);
        Assert.Equal(values[49_999..], part);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadSingle(file.Entry("x"), 50_000, part));
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "not valid JSON")]
    [InlineData("""{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}""", 8, "F33")]
    [InlineData("""{"a":{"dtype":"0","shape":[2],"data_offsets":[0,8]}}""", 8, "not a type")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "does not fill")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "a.shape[0]")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}""", 8, "does not fill")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,16]}}""", 8, "cut short")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "two offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}""", 8, "two offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "hole")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[8],"data_offsets":[4,12]}}""", 12, "overlaps")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "follow the last tensor")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}""", 8, "nothing else")]
    [InlineData("""{"a":{"dtype":"F32","data_offsets":[0,8]}}""", 8, "a.shape: is missing")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "__metadata__.a: expected a text")]
    [InlineData("""[]""", 0, "begin with")]
    [InlineData("""{"a":""", 0, "not valid JSON")]
    public void A_damaged_file_is_refused_with_the_reason(string header, int dataBytes, string reason)
    {
        string path = Path.Combine(_folder, "bad.safetensors");
        byte[] json = Encoding.UTF8.GetBytes(header);
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)json.Length), .. json, .. new byte[dataBytes]]);
        var error = Assert.Throws<ModelFileException>(() => SafetensorsFile.Open(path));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { }, "too few")]
    [InlineData(new byte[] { 1, 2, 3 }, "too few")]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255, 123 }, "over the limit")]
    [InlineData(new byte[] { 3, 0, 0, 0, 0, 0, 0, 0, 123 }, "the file ends after 1")]
    public void A_header_length_that_cannot_be_is_refused(byte[] bytes, string reason)
    {
        string path = Path.Combine(_folder, "bad.safetensors");
        File.WriteAllBytes(path, bytes);
        Assert.Contains(reason, Assert.Throws<ModelFileException>(() => SafetensorsFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_absent_file_is_an_error_of_the_world() =>
        Assert.Throws<ModelFileException>(() => SafetensorsFile.Open(Path.Combine(_folder, "none")));

    [Fact]
    public void Only_floating_point_tensors_are_read_as_such()
    {
        string path = Path.Combine(_folder, "a.safetensors");
        SafetensorsWriter.Write(path, [TensorToWrite.From("x", [3], new sbyte[3])]);
        using var file = SafetensorsFile.Open(path);
        Assert.Throws<ModelFileException>(() => file.ReadSingle("x", new float[3]));
        Assert.Throws<ModelFileException>(() => file.Entry("y"));
    }

    [Fact]
    public void A_tensor_that_writes_the_wrong_number_of_bytes_is_the_caller_s_mistake()
    {
        var tensor = new TensorToWrite("x", SafetensorsDType.F32, [2], new byte[4]);
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(new MemoryStream(), [tensor]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(Path.Combine(_folder, "x"), [tensor]));
        Assert.Empty(Directory.GetFiles(_folder));
    }
}
