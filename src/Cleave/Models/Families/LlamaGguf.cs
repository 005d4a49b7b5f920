using System.Globalization;
using Cleave.Formats.Gguf;

namespace Cleave.Models.Families;

/// <summary>Llama-shaped decoders in GGUF: the keys under <c>llama.</c> and the names of the tensors.</summary>
public static class LlamaGguf
{
    public const string Architecture = "llama";
    private const int MostContext = 1 << 22;

    /// <exception cref="ModelFileException">A key is missing, of the wrong type, or asks for what is not supported.</exception>
    public static TransformerSpec Read(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        GgufMetadata keys = file.Metadata;
        string architecture = keys.Text("general.architecture");
        if (architecture != Architecture)
            throw keys.Error("general.architecture", $"is '{architecture}', a family that is not supported; only '{Architecture}' is");
        Refuse(keys, file);
        int layers = keys.Positive(Key("block_count")), width = keys.Positive(Key("embedding_length"));
        if (layers > 10_000)
            throw keys.Error(Key("block_count"), $"is {layers}; at most 10000 layers are supported");
        // The positions' table is made at once: a damaged number must not take the machine's memory.
        if (keys.Positive(Key("context_length")) > MostContext)
            throw keys.Error(Key("context_length"), $"is beyond {MostContext}, which is not supported");
        int[] heads = keys.PositiveEach(Key("attention.head_count"), layers);
        int[] kvHeads = keys.Contains(Key("attention.head_count_kv")) ? keys.PositiveEach(Key("attention.head_count_kv"), layers) : heads;
        int[] feedForward = keys.PositiveEach(Key("feed_forward_length"), layers);
        int headSize = keys.Positive(Key("attention.key_length"), Math.Max(1, width / heads[0]));
        if (keys.Positive(Key("attention.value_length"), headSize) != headSize)
            throw keys.Error(Key("attention.value_length"), "differs from the keys' length, which is not supported");
        if (keys.Positive(Key("rope.dimension_count"), headSize) is var rotated && rotated != headSize)
            throw keys.Error(Key("rope.dimension_count"), $"is {rotated} for heads of {headSize}; positions that rotate a part of a head are not supported");
        var spec = new TransformerSpec
        {
            VocabularySize = (int)file.Entry("token_embd.weight").Shape[0],
            Width = width,
            ContextLength = keys.Positive(Key("context_length")),
            Layers = [.. Enumerable.Range(0, layers).Select(i => new LayerSpec(heads[i], kvHeads[i], headSize, feedForward[i]))],
            NormEpsilon = (float)keys.Number(Key("attention.layer_norm_rms_epsilon"), 1e-5),
            RotaryBase = keys.Number(Key("rope.freq_base"), 10_000),
            TiedEmbeddings = !file.Contains("output.weight"),
        };
        return spec.Problem() is { } problem ? throw new ModelFileException(file.Path, problem) : spec;
    }

    /// <summary>The keys that say the model's shape, as llama.cpp's converter writes them.</summary>
    public static IEnumerable<GgufKey> Write(TransformerSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        int headSize = spec.Layers.Count > 0 ? spec.Layers[0].HeadSize : spec.Width;
        yield return new GgufKey(Key("block_count"), spec.Layers.Count);
        yield return new GgufKey(Key("context_length"), spec.ContextLength);
        yield return new GgufKey(Key("embedding_length"), spec.Width);
        yield return Each(Key("feed_forward_length"), [.. spec.Layers.Select(l => l.FeedForwardWidth)]);
        yield return Each(Key("attention.head_count"), [.. spec.Layers.Select(l => l.Heads)]);
        yield return Each(Key("attention.head_count_kv"), [.. spec.Layers.Select(l => l.KeyValueHeads)]);
        yield return new GgufKey(Key("attention.key_length"), headSize);
        yield return new GgufKey(Key("attention.value_length"), headSize);
        yield return new GgufKey(Key("attention.layer_norm_rms_epsilon"), spec.NormEpsilon);
        yield return new GgufKey(Key("rope.dimension_count"), headSize);
        yield return new GgufKey(Key("rope.freq_base"), (float)spec.RotaryBase);
        yield return new GgufKey(Key("vocab_size"), spec.VocabularySize);

        static GgufKey Each(string name, int[] values) => values.Distinct().Count() == 1 ? new GgufKey(name, values[0]) : GgufKey.List(name, values);
    }

    /// <summary>The name in a GGUF file of a weight that is <paramref name="name"/> in Hugging Face's.</summary>
    public static string Name(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string[] parts = name.Split('.');
        return name switch
        {
            WeightNames.Embedding => "token_embd.weight",
            WeightNames.FinalNorm => "output_norm.weight",
            WeightNames.Output => "output.weight",
            _ => $"blk.{parts[2]}.{InLayer(parts[^2])}.weight",
        };
    }

    /// <summary>
    /// Queries and keys are stored for rotations of neighbouring rows of a head, ours turn row i with row i + D/2: the row of
    /// the file that is row <paramref name="row"/> here.
    /// </summary>
    public static int RotatedRow(int row, int headSize)
    {
        int within = row % headSize, half = headSize / 2;
        return row - within + within % half * 2 + within / half;
    }

    /// <summary>The other way round: our row that is row <paramref name="row"/> of the file.</summary>
    public static int StoredRow(int row, int headSize)
    {
        int within = row % headSize;
        return row - within + within % 2 * (headSize / 2) + within / 2;
    }

    /// <summary>Whether a weight's rows are in that order.</summary>
    public static bool IsRotated(string name) =>
        name.EndsWith(".q_proj.weight", StringComparison.Ordinal) || name.EndsWith(".k_proj.weight", StringComparison.Ordinal);

    private static string Key(string name) => $"{Architecture}.{name}";

    private static string InLayer(string part) => part switch
    {
        "input_layernorm" => "attn_norm",
        "q_proj" => "attn_q",
        "k_proj" => "attn_k",
        "v_proj" => "attn_v",
        "o_proj" => "attn_output",
        "post_attention_layernorm" => "ffn_norm",
        "gate_proj" => "ffn_gate",
        "up_proj" => "ffn_up",
        "down_proj" => "ffn_down",
        _ => throw new ArgumentException($"{part} is not a part of a layer", nameof(part)),
    };

    // What would change the results if it were passed over.
    private static void Refuse(GgufMetadata keys, GgufFile file)
    {
        string scaling = keys.FindText(Key("rope.scaling.type")) ?? "none";
        if (scaling != "none" || file.Contains("rope_freqs.weight"))
            throw new ModelFileException(file.Path, "scaled rotary positions are not supported; use a model without them");
        if (keys.Number(Key("expert_count"), 0) is var experts && experts > 0)
            throw keys.Error(Key("expert_count"), $"is {experts.ToString(CultureInfo.InvariantCulture)}; mixtures of experts are not supported");
        if (file.Entries.FirstOrDefault(e => e.Name.StartsWith("blk.", StringComparison.Ordinal) && e.Name.EndsWith(".bias", StringComparison.Ordinal)) is { } bias)
            throw new ModelFileException(file.Path, $"the tensor {bias.Name} is a bias, which this family is not supported with");
    }
}
