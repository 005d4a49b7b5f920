namespace Cleave.Data.Augmentation;

/// <summary>How the texts of training items are changed each time they are trained on.</summary>
public sealed record TextNoiseOptions
{
    /// <summary>The share of the words that get a typing error (Belinkov and Bisk, 2018).</summary>
    public double Typos { get; init; }

    /// <summary>The share of the words that are left out (Iyyer et al., 2015); one always stays.</summary>
    public double WordDropout { get; init; }

    /// <summary>A file with words that mean the same (<see cref="Augmentation.Synonyms"/>), or null.</summary>
    public string? Synonyms { get; init; }

    /// <summary>The share of the words with synonyms that one of them takes the place of (Zhang, Zhao and LeCun, 2015).</summary>
    public double SynonymShare { get; init; } = 0.15;

    public bool IsNone => Typos == 0 && WordDropout == 0 && Synonyms is null;
}
