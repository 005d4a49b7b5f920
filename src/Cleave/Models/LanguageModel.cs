using Cleave.Models.Heads;
using Cleave.Tokenizers;
using Cleave.Tokenizers.Templates;

namespace Cleave.Models;

/// <summary>A transformer with its tokenizer, and the heads of the tasks that it was taught.</summary>
public sealed record LanguageModel(Transformer Transformer, ITokenizer Tokenizer, IReadOnlyList<TaskHead> Heads)
{
    /// <summary>How conversations are written for it; null where its folder has no chat template.</summary>
    public ChatFormat? Chat { get; init; }

    /// <summary>The head of a task, or null.</summary>
    public TaskHead? Head(string task) => Heads.FirstOrDefault(h => h.Task == task);

    /// <summary>The token that an encoder–decoder's answers begin with; null for a model of one stack.</summary>
    public int? DecoderStart => Transformer.Encoder is null ? null : Transformer.Spec.DecoderStart;

    /// <summary>Weights of the transformer and all heads.</summary>
    public long Parameters => Transformer.Spec.Parameters + Heads.Sum(h => (long)h.Projection.Weight.Length + h.Labels.Count);
}
