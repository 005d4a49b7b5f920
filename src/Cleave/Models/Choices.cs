namespace Cleave.Models;

/// <summary>How activations are normalised. (Norms that store w − 1 in their files hold w here.)</summary>
public enum NormKind
{
    /// <summary>x / √(mean(x²) + ε) ⊙ w: Zhang and Sennrich, 2019.</summary>
    Rms,

    /// <summary>(x − mean) / √(variance + ε) ⊙ w + b: Ba et al., 2016.</summary>
    Layer,
}

/// <summary>Where a layer's norms stand around f, its attention or its feed-forward network.</summary>
public enum NormPlace
{
    /// <summary>x + f(norm(x))</summary>
    Before,

    /// <summary>x + norm(f(x))</summary>
    After,

    /// <summary>x + norm(f(norm(x)))</summary>
    Both,

    /// <summary>norm(x + f(x)), and no norm behind the last layer (Vaswani et al., 2017).</summary>
    AfterSum,
}

/// <summary>How tokens learn where they are.</summary>
public enum PositionKind
{
    /// <summary>Queries and keys are turned by an angle that grows with the position: Su et al., 2021.</summary>
    Rotary,

    /// <summary>A trained vector for each position is added to the embedding.</summary>
    Learned,

    /// <summary>
    /// A trained number for each head and bucket of distances is added to the scores, the same in every layer: Raffel et al., 2020.
    /// </summary>
    RelativeBias,
}

/// <summary>How hidden states become scores of the vocabulary's tokens.</summary>
public enum VocabularyHead
{
    /// <summary>A projection.</summary>
    Projection,

    /// <summary>projection(norm(f(dense(x)))) + b, to guess tokens that are masked (Devlin et al., 2019).</summary>
    Masked,

    /// <summary>Not at all: the model ends with its hidden states.</summary>
    None,
}

/// <summary>What a text's first hidden state goes through before it is classified.</summary>
public enum PoolerKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>tanh(dense(x)), a part of the pre-trained model (Devlin et al., 2019).</summary>
    Tanh,

    /// <summary>tanh(dense(x)), the hidden layer of a classifier.</summary>
    ClassifierTanh,

    /// <summary>max(dense(x), 0), the hidden layer of a classifier.</summary>
    ClassifierRelu,
}

/// <summary>A norm of queries and keys before their positions are put in.</summary>
public enum QueryKeyNorm
{
    None,

    /// <summary>Each head by itself, one weight (D) for all heads of a layer.</summary>
    Head,

    /// <summary>All heads together: weights (H·D) and (G·D).</summary>
    Whole,
}

/// <summary>Which projections have biases.</summary>
[Flags]
public enum Biases
{
    None = 0,
    QueryKeyValue = 1,
    AttentionOutput = 2,
    FeedForward = 4,
    All = QueryKeyValue | AttentionOutput | FeedForward,
}
