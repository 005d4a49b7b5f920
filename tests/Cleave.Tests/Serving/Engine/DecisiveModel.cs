using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Models.Sampling.Grammars;
using Cleave.Numerics;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;

namespace Cleave.Tests.Serving.Engine;

/// <summary>Small models that make choices: those of an untrained model are ties, which rounding decides.</summary>
internal static class DecisiveModel
{
    public static LanguageModel Create(string kind)
    {
        LanguageModel model = kind switch
        {
            "llama" => TinyModel.Create(layers: 2),
            "long" => new LanguageModel(Transformer.Create(TransformerSpec.Uniform(TinyModel.Tokenizer.VocabularySize, 32, 2, 4, 2, 48, 320), new Rng(3)), TinyModel.Tokenizer, []),
            "gpt2" => TinyModel.CreateGpt2(),
            _ => T5Cases.Create(tokenizer: TinyModel.Tokenizer),
        };
        if (kind != "t5")
        {
            foreach ((_, Tensor weight) in model.Transformer.Parameters().Where(p => p.Tensor.Rows > 1))
            {
                foreach (ref float w in weight.Data)
                    w *= 12;
            }
        }
        return model;
    }

    /// <summary>What one sequence after the other would write.</summary>
    public static (List<int> Tokens, bool Ended) Alone(LanguageModel model, int[] prompt, SamplingOptions sampling, Grammar? grammar)
    {
        using var generator = new Generator(model.Transformer);
        var made = new List<int>();
        bool ended = false;
        generator.Generate(prompt, sampling, id => ended = id == model.Tokenizer.EosId, (id, _) =>
        {
            made.Add(id);
            return true;
        }, grammar is null ? null : new TokenConstraint(grammar, model.Tokenizer));
        return (made, ended);
    }
}
