using System.Text.Json;
using Cleave.Formats.Safetensors;

namespace Cleave.Tests.Formats;

/// <summary>Against Golden/Safetensors, which Python and NumPy made from the specification (make_safetensors.py beside it).</summary>
public class GoldenSafetensorsTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Golden/Safetensors");

    [Fact]
    public void Every_type_is_read_to_the_bit()
    {
        using var file = SafetensorsFile.Open(Path.Combine(Folder, "every-type.safetensors"));
        Assert.Equal("hé", file.Metadata["note"]);
        Assert.Equal(14, file.Names.Count);
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "every-type.json")));
        foreach (JsonProperty tensor in expected.RootElement.EnumerateObject())
        {
            SafetensorsEntry entry = file.Entry(tensor.Name);
            Assert.Equal(tensor.Value.GetProperty("dtype").GetString(), entry.DType.ToString());
            Assert.Equal(tensor.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64()), entry.Shape);
            var values = new float[entry.Elements];
            file.ReadSingle(tensor.Name, values);
            Assert.Equal(
                tensor.Value.GetProperty("float_bits").EnumerateArray().Select(b => b.GetUInt32()), values.Select(BitConverter.SingleToUInt32Bits));
        }
        Assert.Equal(BitConverter.GetBytes(long.MinValue), file.Bytes("ids.i64")[..8].ToArray());
        Assert.Equal([255], file.Bytes("bytes.u8").ToArray());
        Assert.Equal([1, 0, 0, 1], file.Bytes("flags").ToArray());
    }

    [Theory]
    [InlineData("weights", SafetensorsDType.BF16)]
    [InlineData("weights", SafetensorsDType.F16)]
    [InlineData("special", SafetensorsDType.BF16)]
    [InlineData("special", SafetensorsDType.F16)]
    public void Rounding_while_writing_agrees(string name, SafetensorsDType type)
    {
        using var file = SafetensorsFile.Open(Path.Combine(Folder, "every-type.safetensors"));
        var values = new float[file.Entry($"{name}.f32").Elements];
        file.ReadSingle($"{name}.f32", values);
        using var written = new MemoryStream();
        TensorToWrite.Write(written, type, values);
        Assert.Equal(file.Bytes($"{name}.{(type == SafetensorsDType.F16 ? "f16" : "bf16")}").ToArray(), written.ToArray());
    }
}
