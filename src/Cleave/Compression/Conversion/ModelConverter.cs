using Cleave.Formats.Durable;
using Cleave.Formats.Gguf;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Tensors;

namespace Cleave.Compression.Conversion;

/// <summary>What a conversion does beyond its two ends.</summary>
public sealed record ConversionOptions
{
    /// <summary>Of a GGUF file.</summary>
    public TypeMix? Mix { get; init; }

    /// <summary>Of a Hugging Face folder.</summary>
    public WeightType FolderType { get; init; } = WeightType.F32;

    public ImportanceMatrix? Importance { get; init; }

    /// <summary>Whether matrices that are in blocks already are written as they are, whatever the mix says.</summary>
    public bool KeepBlocks { get; init; }

    /// <summary>Whether prompts are replayed before the result is put in place.</summary>
    public bool Check { get; init; } = true;

    /// <summary>What to replay, as text; without it random tokens.</summary>
    public string? Text { get; init; }

    public ulong Seed { get; init; } = 7;

    public bool Overwrite { get; init; }
}

/// <summary>Hugging Face folder ⇄ GGUF file. The result appears in one rename, after it was read back and compared.</summary>
public static class ModelConverter
{
    private const int Prompts = 8, PromptTokens = 128;
    private const double FolderBound = 1e-3; // of bfloat16; float32 is far below

    /// <returns>How it compares, or null where that was not asked for.</returns>
    /// <exception cref="FidelityException">It differs too much.</exception>
    /// <exception cref="CleaveException">The source holds what the target cannot, or the target cannot be written.</exception>
    public static Fidelity? ToGguf(LanguageModel source, string name, string path, ConversionOptions options, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        TypeMix mix = options.Mix ?? throw new ArgumentException("a GGUF file needs a mix of types", nameof(options));
        if (source.Heads.Count > 0)
            throw new CleaveException($"{name}: a model with heads for tasks cannot be a GGUF file, which has no place for them; convert its base");
        source.Transformer.RequireOneStack();
        if (!options.Overwrite && (File.Exists(path) || Directory.Exists(path)))
            throw new CleaveException($"{path}: exists already (choose another place, or pass --force to replace it)");
        long done = 0, total = source.Transformer.Weights().Sum(w => w.Weight is Linear l ? (long)l.Inputs * l.Outputs : 0);
        var export = new GgufExport(source, name, mix, options, weights =>
            progress?.Report(new ProgressReport("write", done += weights, total, "weights")), cancel);
        (IReadOnlyList<GgufKey> keys, IReadOnlyList<GgufTensor> tensors) = export.Build();
        Fidelity? fidelity = null;
        GgufWriter.Write(path, keys, tensors, options.Check ? Verify : null);
        return fidelity;

        void Verify(string temporary) =>
            fidelity = Compare(source, GgufModel.Load(temporary), path, mix.MostDivergence, options, progress, cancel);
    }

    /// <inheritdoc cref="ToGguf"/>
    public static Fidelity? ToFolder(LanguageModel source, string folder, ConversionOptions options, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        // Other tools know no blocks in safetensors but those of Q8_0.
        source.Transformer.ReplaceLinears((_, linear) => linear is QuantizedLinear quantized ? Dense(quantized, cancel) : linear);
        Fidelity? fidelity = null;
        AtomicFolder.Create(folder, temporary =>
        {
            ModelFolder.Save(temporary, source, options.FolderType);
            if (options.Check)
                fidelity = Compare(source, ModelFolder.Load(temporary).Transformer, folder, FolderBound, options, progress, cancel);
        }, options.Overwrite);
        return fidelity;
    }

    private static DenseLinear Dense(QuantizedLinear quantized, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        Tensor weights = Tensor.Parameter(quantized.Outputs, quantized.Inputs, requiresGradient: false);
        quantized.Weight.Dequantize(weights.Data);
        return new DenseLinear(weights, quantized.Bias);
    }

    private static Fidelity Compare(LanguageModel source, Transformer written, string path, double bound, ConversionOptions options,
        IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        Fidelity fidelity = Fidelity.Measure(source.Transformer, written, Replayed(source, options), bound, progress, cancel);
        return fidelity.Passed ? fidelity : throw new FidelityException(path, fidelity);
    }

    private static List<int[]> Replayed(LanguageModel source, ConversionOptions options)
    {
        int length = Math.Min(PromptTokens, source.Transformer.Spec.ContextLength);
        if (options.Text is { } text)
        {
            int[] ids = source.Tokenizer.Encode(text);
            if (ids.Length < 2)
                throw new CleaveException("--text: there is nothing to replay in fewer than two tokens");
            return [.. ids.Chunk(length).Take(Prompts)];
        }
        var random = Rng.For(options.Seed, "replay");
        return [.. Enumerable.Range(0, Prompts).Select(_ =>
            Enumerable.Range(0, length).Select(_ => random.NextInt(source.Transformer.Spec.VocabularySize)).ToArray())];
    }
}
