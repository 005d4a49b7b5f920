using System.Text.Json;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;
using Cleave.Tokenizers;

namespace Cleave.Tests.Models;

/// <summary>Tiny encoder–decoders with what PyTorch makes of them (Golden/t5, by make.py there), and others made here.</summary>
internal static class T5Cases
{
    public static string Root { get; } = Path.Combine(AppContext.BaseDirectory, "Golden", "t5");

    public static TheoryData<string> Names { get; } = [.. Directory.GetDirectories(Root).Select(d => Path.GetFileName(d)).Order(StringComparer.Ordinal)];

    public static string Folder(string name) => Path.Combine(Root, name);

    public static Transformer Load(string name) => ModelFolder.LoadTransformer(Folder(name));

    public static JsonElement Expected(string name) => FamilyCases.ExpectedIn(Folder(name));

    public static int[][] Sources(string name) => FamilyCases.Lists(Expected(name).GetProperty("sources"));

    /// <summary>What the decoder is to say.</summary>
    public static int[][] Answers(string name) => FamilyCases.Lists(Expected(name).GetProperty("answers"));

    /// <summary>What the decoder reads: its first token, and the answer but its last.</summary>
    public static int[] Read(Transformer model, int[] answer) => [model.Spec.DecoderStart, .. answer[..^1]];

    public static float[] Logits(Transformer model, int[][] sources, int[][] read)
    {
        using var tape = new Tape(records: false);
        return model.Logits(tape, States(tape, model, sources, read)).Data.ToArray();
    }

    public static Tensor States(Tape tape, Transformer model, int[][] sources, int[][] read) =>
        model.Forward(tape, FamilyCases.Batch(read), source: model.Encode(tape, FamilyCases.Batch(sources)));

    /// <summary>A model with random weights, large enough that its choices are clear.</summary>
    public static LanguageModel Create(int encoderLayers = 2, int layers = 2, int context = 64, ulong seed = 1, Tokenizer? tokenizer = null)
    {
        tokenizer ??= TinyModel.Tokenizer;
        var encoder = new TransformerSpec
        {
            Family = "t5",
            VocabularySize = tokenizer.VocabularySize,
            Width = 32,
            ContextLength = context,
            Layers = [.. Enumerable.Repeat(new LayerSpec(4, 4, 8, 64), encoderLayers)],
            Bidirectional = true,
            Position = PositionKind.RelativeBias,
            RelativeBuckets = 8,
            RelativeDistance = 20,
            Activation = Activation.GeluTanh,
            QueryScale = 1,
            VocabularyHead = VocabularyHead.None,
        };
        TransformerSpec spec = encoder with
        {
            Layers = [.. Enumerable.Repeat(new LayerSpec(4, 4, 8, 64), layers)],
            Bidirectional = false,
            Encoder = encoder,
            VocabularyHead = VocabularyHead.Projection,
            TiedEmbeddings = false,
        };
        Transformer model = Transformer.Create(spec, new Rng(seed));
        foreach ((_, Tensor weight) in model.Parameters().Where(p => p.Tensor.Rows > 1))
        {
            foreach (ref float w in weight.Data)
                w *= 10;
        }
        return new LanguageModel(model, tokenizer, []);
    }
}
