using Cleave.Data;

namespace Cleave.Evaluation;

/// <summary>What a model answered for one example.</summary>
public sealed record Prediction
{
    /// <summary>The class, or null where the model gave none; null is always wrong.</summary>
    public string? Label { get; init; }

    /// <summary>The text written.</summary>
    public string? Text { get; init; }

    /// <summary>The stretches found.</summary>
    public IReadOnlyList<TextSpan> Spans { get; init; } = [];

    /// <summary>The model's confidence in [0, 1].</summary>
    public double Confidence { get; init; } = 1;

    /// <summary>The summed negative log-likelihood of the example's tokens, in nats, for perplexity.</summary>
    public double? NegativeLogLikelihood { get; init; }

    /// <summary>How many tokens that sum is over.</summary>
    public int Tokens { get; init; }
}
