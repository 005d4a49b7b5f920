using Cleave.Models.Sampling.Grammars;

namespace Cleave.Models.Sampling;

/// <summary>How much a model can write behind a prompt.</summary>
public static class GenerationRoom
{
    /// <summary>Tokens that the context has room for: a prompt takes none of an encoder–decoder's own, but must fit its encoder.</summary>
    /// <param name="prompt">Tokens of the prompt.</param>
    public static int Behind(Transformer model, int prompt)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Encoder is null ? model.Spec.ContextLength - prompt
            : prompt <= model.Encoder.Spec.ContextLength ? model.Spec.ContextLength : 0;
    }

    /// <summary>How many tokens a generation makes at most behind a prompt; it refuses what this refuses.</summary>
    /// <param name="prompt">Tokens of the prompt.</param>
    /// <exception cref="CapacityException">
    /// The prompt does not leave room for one token in the context, or for the shortest text of the grammar.
    /// </exception>
    public static int Limit(Transformer model, int prompt, SamplingOptions options, ITokenConstraint? constraint = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        if (prompt == 0)
            throw new CleaveException("the prompt is empty: give at least one token");
        int room = Behind(model, prompt);
        if (room < 1)
            throw new CapacityException($"a prompt of {prompt} tokens leaves no room in the model's context of {model.Spec.ContextLength}; shorten it");
        int limit = Math.Min(options.Checked().MaxTokens, room);
        constraint?.CheckRoom(limit);
        return limit;
    }
}
