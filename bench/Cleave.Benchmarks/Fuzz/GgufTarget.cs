using Cleave.Formats.Gguf;
using Cleave.Formats.HuggingFace;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Tokenizers;

namespace Cleave.Benchmarks.Fuzz;

/// <summary>GGUF: a small model with a matrix of every type that can be held, and a vocabulary; loaded, run, and its tokenizer used.</summary>
public sealed class GgufTarget : FuzzTarget
{
    private const int Width = 256, HeadSize = 8, Heads = 4, KeyHeads = 2, FeedForward = 32;

    private static readonly string[] Pieces = ["<unk>", "<s>", "</s>", "<0x41>", "\u2581", "a", "b", "c", "\u2581a", "ab", "abc", "\u2581ab", "é", "\u2581b", "ca", "<x>"];

    private readonly byte[] _good = Write();
    private GgufMutator? _mutator;

    public override string Name => "gguf";

    /// <summary>Matrices are held outside of the managed heap, and nothing else follows what the keys claim.</summary>
    public override long MostBytes => 4L << 20;

    public override IEnumerable<FuzzFile[]> Goods() => [[new("case.gguf", _good)]];

    public override FuzzFile[] Next(Rng random)
    {
        if (_mutator is null)
        {
            string path = Path.GetTempFileName();
            File.WriteAllBytes(path, _good);
            _mutator = new GgufMutator(path);
            File.Delete(path);
        }
        return [new("case.gguf", _mutator.Next(random))];
    }

    public override void Use(string folder)
    {
        string path = Path.Combine(folder, "case.gguf");
        CleaveException? refusal = null;
        // Two readers of one file: each may refuse it, and neither may fail.
        try
        {
            Tokenizer tokenizer = TokenizerFile.Load(path);
            tokenizer.Decode(tokenizer.Encode("abc é <s>"));
        }
        catch (CleaveException e)
        {
            refusal = e;
        }
        Transformer model = GgufModel.Load(path);
        using var tape = new Tape(records: false);
        model.Output.Forward(tape, model.Forward(tape, new TokenBatch().Add([0])));
        if (refusal is not null)
            throw refusal;
    }

    private static byte[] Write()
    {
        var tensors = new List<GgufTensor>();
        Add("token_embd", GgufTensorType.Q6_K, 16, Width);
        Add("output", GgufTensorType.Q4_K, 16, Width);
        Add("output_norm", GgufTensorType.F32, Width);
        GgufTensorType[][] types =
        [
            [GgufTensorType.Q2_K, GgufTensorType.Q3_K, GgufTensorType.Q4_K, GgufTensorType.Q4_0, GgufTensorType.Q5_K, GgufTensorType.Q6_K, GgufTensorType.Q8_0],
            [GgufTensorType.F16, GgufTensorType.BF16, GgufTensorType.F32, GgufTensorType.Q5_0, GgufTensorType.Q4_1, GgufTensorType.Q5_1, GgufTensorType.IQ4_NL],
        ];
        for (int layer = 0; layer < types.Length; layer++)
        {
            string block = $"blk.{layer}.";
            Add(block + "attn_q", types[layer][0], Heads * HeadSize, Width);
            Add(block + "attn_k", types[layer][1], KeyHeads * HeadSize, Width);
            Add(block + "attn_v", types[layer][2], KeyHeads * HeadSize, Width);
            Add(block + "attn_output", types[layer][3], Width, Heads * HeadSize);
            Add(block + "ffn_gate", types[layer][4], FeedForward, Width);
            Add(block + "ffn_up", types[layer][5], FeedForward, Width);
            Add(block + "ffn_down", types[layer][6], Width, FeedForward);
            Add(block + "attn_norm", GgufTensorType.F32, Width);
            Add(block + "ffn_norm", GgufTensorType.F32, Width);
        }
        using var stream = new MemoryStream();
        GgufWriter.Write(stream, Keys(), tensors);
        return stream.ToArray();

        void Add(string name, GgufTensorType type, params long[] shape)
        {
            // Every byte 0x11: a small number in every type.
            GgufTensor tensor = new(name + ".weight", type, shape, _ => { });
            tensors.Add(tensor with { WriteData = s => s.Write([.. Enumerable.Repeat((byte)0x11, (int)tensor.ByteCount)]) });
        }
    }

    private static List<GgufKey> Keys() =>
    [
        new("general.architecture", "llama"), new("llama.block_count", 2), new("llama.embedding_length", Width), new("llama.context_length", 64),
        new("llama.feed_forward_length", FeedForward), new("llama.attention.head_count", Heads), new("llama.attention.head_count_kv", KeyHeads),
        new("llama.attention.key_length", HeadSize), new("llama.attention.value_length", HeadSize), new("llama.rope.dimension_count", HeadSize),
        new("llama.attention.layer_norm_rms_epsilon", 1e-5f), new("tokenizer.ggml.model", "llama"),
        GgufKey.List("tokenizer.ggml.tokens", Pieces),
        new("tokenizer.ggml.scores", GgufValueType.List, Pieces.Select((_, i) => -(double)i).ToArray(), GgufValueType.F32),
        GgufKey.List("tokenizer.ggml.token_type", Pieces.Select((p, i) => i switch { 0 => 2, 1 or 2 => 3, 3 => 6, 15 => 4, _ => 1 })),
        new("tokenizer.ggml.bos_token_id", 1), new("tokenizer.ggml.eos_token_id", 2), new("tokenizer.ggml.unknown_token_id", 0),
        new("tokenizer.ggml.add_bos_token", true),
    ];
}
