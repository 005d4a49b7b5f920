using Cleave.Formats.Safetensors;

namespace Cleave.Tests.Formats;

public sealed class SafetensorsSetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-set").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_single_file_and_a_folder_with_it_are_the_same()
    {
        Write(SafetensorsSet.SingleFile, "a", 1);
        foreach (string path in (string[])[_folder, Path.Combine(_folder, SafetensorsSet.SingleFile)])
        {
            using SafetensorsSet set = SafetensorsSet.Open(path);
            Assert.Equal(["a"], set.Names);
            Assert.Equal(1, Read(set, "a"));
        }
    }

    [Fact]
    public void Shards_are_found_through_the_index()
    {
        Write("model-1.safetensors", "a", 1);
        Write("model-2.safetensors", "b", 2);
        Index("""{"a":"model-1.safetensors","b":"model-2.safetensors"}""");
        using SafetensorsSet set = SafetensorsSet.Open(_folder);
        Assert.Equal(["a", "b"], set.Names);
        Assert.Equal(2, Read(set, "b"));
        Assert.Throws<ModelFileException>(() => set.Entry("c"));
    }

    [Theory]
    [InlineData("""{"a":"../model-1.safetensors"}""", "beside the index")]
    [InlineData("""{"a":"/etc/passwd"}""", "beside the index")]
    [InlineData("""{"a":".."}""", "beside the index")]
    [InlineData("""{"a":"x\u0000y"}""", "beside the index")]
    [InlineData("""{"a":"model-2.safetensors","b":"model-1.safetensors"}""", "does not hold the tensor")]
    [InlineData("""{"a":"model-1.safetensors","c":"model-1.safetensors"}""", "does not hold the tensor")]
    [InlineData("""{"a":"none.safetensors"}""", "no such file")]
    [InlineData("""{"a":3}""", "expected a text")]
    public void An_index_that_does_not_fit_is_refused(string map, string reason)
    {
        Write("model-1.safetensors", "a", 1);
        Write("model-2.safetensors", "b", 2);
        Index(map);
        Assert.Contains(reason, Assert.Throws<ModelFileException>(() => SafetensorsSet.Open(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_in_two_shards_and_an_empty_folder_are_refused()
    {
        Assert.Contains("neither", Assert.Throws<ModelFileException>(() => SafetensorsSet.Open(_folder)).Message, StringComparison.Ordinal);
        Write("model-1.safetensors", "a", 1);
        Write("model-2.safetensors", "a", 2);
        Index("""{"a":"model-1.safetensors","b":"model-2.safetensors"}""");
        Assert.Contains("already", Assert.Throws<ModelFileException>(() => SafetensorsSet.Open(_folder)).Message, StringComparison.Ordinal);
    }

    private void Write(string file, string name, float value) =>
        SafetensorsWriter.Write(Path.Combine(_folder, file), [TensorToWrite.From(name, SafetensorsDType.F32, [1], new[] { value })]);

    private void Index(string map) => File.WriteAllText(Path.Combine(_folder, SafetensorsSet.IndexFile), $$"""{"metadata":{},"weight_map":{{map}}}""");

    private static float Read(SafetensorsSet set, string name)
    {
        var value = new float[1];
        set.ReadSingle(name, value);
        return value[0];
    }
}
