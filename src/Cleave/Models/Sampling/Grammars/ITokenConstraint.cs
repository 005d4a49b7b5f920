namespace Cleave.Models.Sampling.Grammars;

/// <summary>Says which tokens may come next in one text after the other. Not for several threads at once.</summary>
public interface ITokenConstraint
{
    /// <summary>Whether nothing can follow any more.</summary>
    bool IsComplete { get; }

    /// <summary>Whether the text so far has the form that it must have.</summary>
    bool Accepts { get; }

    /// <summary>Begins a new text.</summary>
    /// <param name="isEnd">The tokens that end it.</param>
    void Begin(Func<int, bool> isEnd);

    /// <exception cref="CapacityException">Not even the shortest text that must come has room.</exception>
    void CheckRoom(int tokens);

    /// <summary>Chooses the next token of a text and goes on to it.</summary>
    /// <param name="logits">Those of tokens that may not come become −∞.</param>
    /// <param name="left">How many tokens may still be made, with this one.</param>
    (int Token, float Probability) Choose(TokenSampler sampler, Span<float> logits, int left);
}
