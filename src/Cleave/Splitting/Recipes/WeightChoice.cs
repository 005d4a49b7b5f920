using Cleave.Compression.Conversion;
using Cleave.Formats.Gguf;
using Cleave.Models;
using Cleave.Models.Families;
using Cleave.Numerics.Quantized;
using Cleave.Tuning;

namespace Cleave.Splitting.Recipes;

/// <summary>How a module's matrices are stored: as a <see cref="WeightType"/>, or in one of llama.cpp's mixes of block formats below 8 bits.</summary>
/// <param name="Name">As recipes have it.</param>
/// <param name="Type">Of what no mix says.</param>
public sealed record WeightChoice(string Name, WeightType Type, TypeMix? Mix = null)
{
    private static readonly WeightChoice[] Plain = [new("q8", WeightType.Q8), new("bf16", WeightType.BF16)];

    private static readonly WeightChoice[] Mixes =
        [.. TypeMix.All.Where(m => m.Base.Blocks() is not null and not BlockFormat.Q8_0).Select(m => new WeightChoice(m.Name.ToLowerInvariant(), WeightType.BF16, m))];

    public static WeightChoice Q8 => Plain[0];

    public static WeightChoice BF16 => Plain[1];

    /// <exception cref="ArgumentException">There is no such choice.</exception>
    public static WeightChoice Find(string name) => Plain.Concat(Mixes).FirstOrDefault(w => w.Name == name)
        ?? throw new ArgumentException($"weights cannot be stored as '{name}'", nameof(name));

    /// <summary>Whether a value of <c>weights</c> is a mix of block formats.</summary>
    public static bool IsMix(ParameterValue value) => Mixes.Any(m => m.Name == value.ToString());

    /// <summary>The choices for students of a model.</summary>
    public static IReadOnlyList<ParameterValue> Legal(TransformerSpec model) =>
        [.. Plain.Concat(Mixes).Where(w => Problem(model, w) is null).Select(w => (ParameterValue)w.Name)];

    /// <summary>Why a choice cannot be had for students of a model; null where it can, or where there is no such choice.</summary>
    public static string? Refusal(TransformerSpec model, ParameterValue value) =>
        Mixes.FirstOrDefault(m => m.Name == value.ToString()) is { } mix ? Problem(model, mix) : null;

    /// <summary>The block format of one matrix; null for plain numbers.</summary>
    /// <param name="name">Its Hugging Face name.</param>
    /// <param name="columns">Its inputs.</param>
    public BlockFormat? FormatOf(string name, TransformerSpec spec, int columns) =>
        Mix is not null ? Mix.For(name, spec, columns, importance: true).Blocks() : Type == WeightType.Q8 ? BlockFormat.Q8_0 : null;

    /// <summary>Bytes that a model's weights take, about.</summary>
    public double BytesOf(TransformerSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return spec.Parameters * (Mix is { Base: var type } ? (double)type.Block()!.Value.Bytes / type.Block()!.Value.Elements : Type == WeightType.Q8 ? 34.0 / 32 : 2);
    }

    public override string ToString() => Name;

    private static string? Problem(TransformerSpec model, WeightChoice choice)
    {
        if (choice.Mix is not { } mix)
            return null;
        if (Family.Of(model).Gguf is null || model.Bidirectional || model.Encoder is not null)
            return $"'{choice.Name}' needs a model that GGUF files have a form for, which {model.Family} models have not; take q8 or bf16";
        int block = mix.Base.Block()!.Value.Elements;
        return model.Width % block == 0 ? null : $"'{choice.Name}' has blocks of {block} weights, which do not divide the model's width of {model.Width}; "
            + (model.Width % QuantizedMatrix.BlockSize == 0 ? "take a type with blocks of 32, such as q4_0 or q5_0" : "take q8 or bf16");
    }
}
