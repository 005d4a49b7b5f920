using System.Runtime.InteropServices;
using System.Text.Json;
using Cleave.Formats.Gguf;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Formats.Gguf;
using Cleave.Tests.Numerics.Kernels;

namespace Cleave.Tests.Models;

public sealed class GgufModelTests : IDisposable
{
    private static readonly TransformerSpec Spec = TransformerSpec.Uniform(vocabulary: 96, width: 64, layers: 2, heads: 4, kvHeads: 2, feedForward: 96, context: 64);
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-gguf").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [SharedFact]
    public void Logits_agree_with_an_independent_float64_forward_pass()
    {
        string folder = Shared.Data("model-llama2-tiny-random-gguf");
        Transformer model = GgufModel.Load(Path.Combine(folder, "llama-2-tiny-random.gguf"));
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "expected.json")));
        foreach (JsonElement each in expected.RootElement.GetProperty("cases").EnumerateArray())
        {
            int[] ids = [.. each.GetProperty("ids").EnumerateArray().Select(i => i.GetInt32())];
            float[] last = Logits(model, ids)[^model.Spec.VocabularySize..];
            foreach (JsonElement top in each.GetProperty("top10").EnumerateArray())
                Assert.Equal(top[1].GetDouble(), last[top[0].GetInt32()], 2e-5);
            Assert.Equal(each.GetProperty("logits_sum").GetDouble(), last.Sum(v => (double)v), 1e-2);
        }
    }

    [Theory]
    [InlineData(GgufTensorType.Q8_0)]
    [InlineData(GgufTensorType.Q4_0)]
    [InlineData(GgufTensorType.Q5_0)]
    [InlineData(GgufTensorType.IQ4_NL)]
    [InlineData(GgufTensorType.F32)]
    public void A_model_written_in_blocks_computes_as_the_same_blocks_in_memory(GgufTensorType type)
    {
        Transformer model = Transformer.Create(Spec, Rng.For(3, "gguf"));
        BlockFormat? format = type.Blocks();
        if (format is { } blocks)
            model.ReplaceLinears((_, l) => new QuantizedLinear(QuantizedMatrix.Quantize(blocks, ((DenseLinear)l).Weight.Data, l.Outputs, l.Inputs)));
        string path = Path.Combine(_folder, "m.gguf");
        File.WriteAllBytes(path, Write(model, type).ToArray());
        int[] ids = [5, 3, 90, 0, 11];
        Reference.Close([.. Logits(model, ids).Select(v => (double)v)], Logits(GgufModel.Load(path), ids), 1e-6);
    }

    [Fact]
    public void A_small_file_that_claims_a_long_context_takes_the_memory_of_what_is_run()
    {
        string path = Path.Combine(_folder, "long.gguf");
        Transformer original = Transformer.Create(Spec, Rng.For(3, "gguf"));
        File.WriteAllBytes(path, Write(original, GgufTensorType.F32, context: 3_500_000).ToArray());
        long before = GC.GetAllocatedBytesForCurrentThread();
        Transformer model = GgufModel.Load(path);
        Assert.Equal(3_500_000, model.Spec.ContextLength);
        float[] logits = Logits(model, [5, 3, 90]);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 * new FileInfo(path).Length + (1 << 20));
        Reference.Close([.. Logits(original, [5, 3, 90]).Select(v => (double)v)], logits, 1e-6);
    }

    [Fact]
    public void What_would_change_the_results_is_refused()
    {
        Transformer model = Transformer.Create(Spec, Rng.For(3, "gguf"));
        Refused("'qwen9'", Write(model, GgufTensorType.F32, architecture: "qwen9"));
        Refused("'dynamic'", Write(model, GgufTensorType.F32).Key("llama.rope.scaling.type", "dynamic"));
        Refused("rope.scaling.type", Write(model, GgufTensorType.F32).Key("llama.rope.scaling.attn_factor", 1.5f));
        Refused("attention.clamp_kqv", Write(model, GgufTensorType.F32).Key("llama.attention.clamp_kqv", 8f));
        Refused("expert_used_count", Write(model, GgufTensorType.F32).Key("llama.expert_count", 8));
        Refused("attn_q_norm.weight has no place", Write(model, GgufTensorType.F32).Tensor("blk.0.attn_q_norm.weight", GgufTensorType.F32, [16], new byte[64]));
        Refused("a part of a head", Write(model, GgufTensorType.F32, rotated: 8));
        Refused("attn_k.bias", Write(model, GgufTensorType.F32).Tensor("blk.0.attn_q.bias", GgufTensorType.F32, [64], new byte[256]));
        Refused("cannot share", Write(model, GgufTensorType.F32, kvHeads: 3));
        Refused("not finite", Write(model, GgufTensorType.F32, damage: b => MemoryMarshal.Write(b, float.NaN)));
        Refused("not a finite half", Write(Quantized(model), GgufTensorType.Q8_0, damage: b => MemoryMarshal.Write(b, Half.PositiveInfinity)));
        Refused("Q8_K", new GgufBytes().Key("general.architecture", "llama").Key("llama.block_count", 1).Key("llama.embedding_length", 256)
            .Key("llama.attention.head_count", 4).Key("llama.feed_forward_length", 64).Key("llama.context_length", 8)
            .Tensor("token_embd.weight", GgufTensorType.Q8_K, [4, 256], new byte[1168]));
    }

    /// <summary>A small model in Q8_0.</summary>
    internal static void WriteExample(string path) =>
        File.WriteAllBytes(path, Write(Quantized(Transformer.Create(Spec, Rng.For(4, "gguf"))), GgufTensorType.Q8_0).ToArray());

    private static Transformer Quantized(Transformer model)
    {
        model.ReplaceLinears((_, l) => new QuantizedLinear(QuantizedMatrix.Quantize(BlockFormat.Q8_0, ((DenseLinear)l).Weight.Data, l.Outputs, l.Inputs)));
        return model;
    }

    private void Refused(string why, GgufBytes file)
    {
        string path = Path.Combine(_folder, "refused.gguf");
        File.WriteAllBytes(path, file.ToArray());
        Assert.Contains(why, Assert.Throws<ModelFileException>(() => GgufModel.Load(path)).Message);
    }

    private static GgufBytes Write(Transformer model, GgufTensorType type, string architecture = "llama", uint rotated = 16, uint kvHeads = 2, uint context = 64, Action<byte[]>? damage = null)
    {
        GgufBytes file = new GgufBytes().Key("general.architecture", architecture).Key("llama.block_count", 2).Key("llama.embedding_length", 64)
            .Key("llama.context_length", context).Key("llama.feed_forward_length", 96).Key("llama.attention.head_count", 4).Key("llama.attention.head_count_kv", kvHeads)
            .Key("llama.attention.layer_norm_rms_epsilon", 1e-5f).Key("llama.rope.dimension_count", rotated);
        foreach ((string name, object weight) in model.Weights())
        {
            (int rows, byte[] bytes) = weight switch
            {
                QuantizedLinear q => (q.Outputs, Rows(q.Weight)),
                DenseLinear d => (d.Outputs, MemoryMarshal.AsBytes(d.Weight.Data).ToArray()),
                _ => (1, MemoryMarshal.AsBytes(((Tensor)weight).Data).ToArray()),
            };
            string[] parts = name.Split('.');
            string stored = name switch
            {
                "model.embed_tokens.weight" => "token_embd",
                "model.norm.weight" => "output_norm",
                _ => $"blk.{parts[2]}." + parts[^2] switch
                {
                    "input_layernorm" => "attn_norm",
                    "post_attention_layernorm" => "ffn_norm",
                    "o_proj" => "attn_output",
                    "q_proj" or "k_proj" or "v_proj" => $"attn_{parts[^2][0]}",
                    _ => $"ffn_{parts[^2][..^5]}",
                },
            };
            if (stored.EndsWith("attn_q", StringComparison.Ordinal) || stored.EndsWith("attn_k", StringComparison.Ordinal))
                bytes = Interleaved(bytes, rows, headSize: 16);
            else if (stored.EndsWith("ffn_up", StringComparison.Ordinal))
                damage?.Invoke(bytes);
            long[] shape = weight is Tensor ? [bytes.Length / 4] : [rows, weight is Linear l ? l.Inputs : 0];
            file.Tensor($"{stored}.weight", weight is Tensor ? GgufTensorType.F32 : type, shape, bytes);
        }
        return file;
    }

    // The converter's permutation: (heads, 2, D/2, row) → (heads, D/2, 2, row).
    private static byte[] Interleaved(byte[] bytes, int rows, int headSize)
    {
        int size = bytes.Length / rows;
        var result = new byte[bytes.Length];
        for (int h = 0; h < rows / headSize; h++)
        {
            for (int half = 0; half < 2; half++)
            {
                for (int i = 0; i < headSize / 2; i++)
                    bytes.AsSpan((h * headSize + half * headSize / 2 + i) * size, size).CopyTo(result.AsSpan((h * headSize + 2 * i + half) * size));
            }
        }
        return result;
    }

    private static byte[] Rows(QuantizedMatrix matrix)
    {
        var bytes = new byte[matrix.Bytes];
        int size = bytes.Length / matrix.Rows;
        for (int r = 0; r < matrix.Rows; r++)
            matrix.CopyRow(r, bytes.AsSpan(r * size, size));
        return bytes;
    }

    private static float[] Logits(Transformer model, int[] ids)
    {
        using var tape = new Tape(records: false);
        return model.Output.Forward(tape, model.Forward(tape, new TokenBatch().Add(ids))).Data.ToArray();
    }
}
