using System.Runtime.InteropServices;
using Cleave.Formats.Gguf;
using Cleave.Formats.Inspection;
using Cleave.Numerics;

namespace Cleave.Tests.Formats.Gguf;

public sealed class GgufFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-gguf").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Keys_and_tensors_are_read_as_they_were_written()
    {
        float[] numbers = [1, 2, 3, 4, 5, 6];
        using GgufFile file = Open(Good().Tensor("w", GgufTensorType.F32, [2, 3], MemoryMarshal.AsBytes(numbers.AsSpan()))
            .Tensor("q", GgufTensorType.Q8_0, [3, 64], new byte[204]).ToArray());
        Assert.Equal("llama", file.Metadata.Text("general.architecture"));
        Assert.Equal(7, file.Metadata.Positive("count"));
        Assert.Equal(0.5, file.Metadata.Number("half", 0));
        Assert.Equal(["a", "ü", ""], file.Metadata.Texts("list"));
        Assert.Equal([1, 2, 3], file.Metadata.PositiveEach("each", 3));
        Assert.Equal([7, 7], file.Metadata.PositiveEach("count", 2));
        Assert.Equal(["w", "q"], file.Entries.Select(e => e.Name));
        GgufEntry w = file.Entry("w"), q = file.Entry("q");
        Assert.Equal([2, 3], w.Shape);
        Assert.Equal((24L, 6L, 204L, 192L), (w.ByteCount, w.Elements, q.ByteCount, q.Elements));
        var part = new float[2];
        file.ReadBytes(w, 8, MemoryMarshal.AsBytes(part.AsSpan()));
        Assert.Equal([3, 4], part);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.ReadBytes(w, 20, new byte[8]));
        Assert.Contains("nothing", Assert.Throws<ModelFileException>(() => file.Entry("nothing")).Message);
        Assert.Contains("not a text", Assert.Throws<ModelFileException>(() => file.Metadata.Text("count")).Message);
        Assert.Contains("missing", Assert.Throws<ModelFileException>(() => file.Metadata.Positive("none")).Message);
    }

    [Fact]
    public void Wrong_files_are_refused_with_the_reason()
    {
        Refused("not a GGUF", []);
        Refused("not a GGUF", [.. "GGML"u8, .. new byte[40]]);
        Refused("version 1", new GgufBytes { Version = 1 }.ToArray());
        Refused("keys do not fit", new GgufBytes { KeyCount = ulong.MaxValue }.ToArray());
        Refused("tensors do not fit", new GgufBytes { TensorCount = 1UL << 40 }.ToArray());
        Refused("there twice", Good().Key("count", 1).ToArray());
        Refused("there twice", Good().Tensor("a", GgufTensorType.F32, [1], new byte[4]).Tensor("a", GgufTensorType.F32, [1], new byte[4]).ToArray());
        Refused("value type that is not known", Good().Key("x", 77, _ => { }).ToArray());
        Refused("list of lists", Good().Key("x", 9, w => { w.Write(9u); w.Write(1UL); }).ToArray());
        Refused("do not fit", Good().Key("x", 9, w => { w.Write(0u); w.Write(1UL << 50); }).ToArray());
        Refused("does not fit", Good().Key("x", 8, w => w.Write(1UL << 60)).ToArray());
        Refused("not valid UTF-8", Good().Key("x", 8, w => { w.Write(1UL); w.Write((byte)0xFF); }).ToArray());
        Refused("block type 99", Good().Tensor("a", (GgufTensorType)99, [1], new byte[4]).ToArray());
        Refused("not a multiple of the 32", Good().Tensor("a", GgufTensorType.Q4_0, [1, 33], new byte[18]).ToArray());
        Refused("cut short", Good().Tensor("a", GgufTensorType.F32, [1000], new byte[4]).ToArray());
        Refused("cut short", Good().Tensor("a", GgufTensorType.F64, [int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue], new byte[4]).ToArray());
        Refused("cut short", Good().Tensor("a", GgufTensorType.F32, [1], new byte[4], offset: ulong.MaxValue - 31).ToArray());
        Refused("dimension", Good().Tensor("a", GgufTensorType.F32, [0], []).ToArray());
        Refused("dimensions", Good().Tensor("a", GgufTensorType.F32, [1, 1, 1, 1, 1], new byte[4]).ToArray());
        Refused("multiple of 32 bytes", Good().Tensor("a", GgufTensorType.F32, [1], new byte[4], offset: 4).ToArray());
        Refused("overlaps", Good().Tensor("a", GgufTensorType.F32, [16], new byte[64]).Tensor("b", GgufTensorType.F32, [1], new byte[4], offset: 32).ToArray());
        Refused("general.alignment", Good().Key("general.alignment", 12).ToArray());
    }

    [Fact]
    public void A_file_cut_short_anywhere_or_with_any_byte_changed_is_read_or_refused()
    {
        byte[] good = Good().Tensor("w", GgufTensorType.F32, [2, 3], new byte[24]).Tensor("q", GgufTensorType.Q4_0, [1, 64], new byte[36]).ToArray();
        string path = Path.Combine(_folder, "hostile.gguf");
        for (int length = 0; length < good.Length - 32; length++)
        {
            File.WriteAllBytes(path, good[..length]);
            Assert.Throws<ModelFileException>(() => GgufFile.Open(path));
        }
        Rng rng = Rng.For(1, "hostile");
        for (int at = 0; at < good.Length; at++)
        {
            byte[] changed = [.. good];
            changed[at] ^= (byte)(1 + rng.NextInt(255));
            File.WriteAllBytes(path, changed);
            try
            {
                ModelInspector.Inspect(path);
            }
            catch (ModelFileException e)
            {
                Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
            }
        }
    }

    [SharedFact]
    public void Files_of_llama_cpp_open()
    {
        InspectedModel model = ModelInspector.Inspect(Shared.Data("model-llama2-tiny-random-gguf/llama-2-tiny-random.gguf"));
        Assert.Equal("gguf", model.Kind);
        Assert.Equal(12, model.Tensors.Count);
        Assert.Equal(32000, model.Tokenizer!.VocabularySize);
        Assert.Equal(["F16", "F32"], model.Tensors.Select(t => t.DType).Distinct().Order());
        Assert.Equal([32000, 8], model.Tensors[0].Shape);
        InspectedModel vocabulary = ModelInspector.Inspect(Shared.Data("gguf-vocabs/ggml-vocab-gpt-2.gguf"));
        Assert.Equal((50257, 50000), (vocabulary.Tokenizer!.VocabularySize, vocabulary.Tokenizer.Merges));
        Assert.Empty(vocabulary.Tensors);
    }

    private static GgufBytes Good() => new GgufBytes().Key("general.architecture", "llama").Key("count", 7).Key("half", 0.5f).Key("list", "a", "ü", "")
        .Key("each", 9, w => { w.Write(5u); w.Write(3UL); w.Write(1); w.Write(2); w.Write(3); });

    private GgufFile Open(byte[] bytes)
    {
        string path = Path.Combine(_folder, $"{Guid.NewGuid():N}.gguf");
        File.WriteAllBytes(path, bytes);
        return GgufFile.Open(path);
    }

    private void Refused(string why, byte[] bytes) => Assert.Contains(why, Assert.Throws<ModelFileException>(() => Open(bytes)).Message);
}
