namespace Cleave.Training.FineTuning;

/// <summary>One example as tokens.</summary>
/// <param name="Ids">What the model reads.</param>
/// <param name="Targets">One class a token to learn (a tag, or the next token), or −1 where there is nothing to learn; for
/// a text classifier a single class.</param>
/// <param name="Example">The example's index in its data set.</param>
public sealed record TaskItem(int[] Ids, int[] Targets, int Example)
{
    /// <summary>What the decoder reads where <see cref="Ids"/> are for its encoder: the target, a token later; else null.</summary>
    public int[]? DecoderIds { get; init; }

    /// <summary>The kind of each token, where the model tells kinds apart; null for all of kind 0.</summary>
    public int[]? Types { get; init; }

    /// <summary>Rows with something to learn.</summary>
    public int Supervised { get; } = Targets.Count(t => t >= 0);

    /// <summary>Rows of hidden states, which <see cref="Targets"/> belong to.</summary>
    public int Rows => (DecoderIds ?? Ids).Length;

    /// <summary>Tokens that a model reads of it.</summary>
    public int Tokens => Ids.Length + (DecoderIds?.Length ?? 0);
}
