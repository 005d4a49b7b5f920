namespace Cleave.Compression.Calibration;

/// <summary>Text that shows a model what it will be used for, as windows of tokens that do not overlap.</summary>
public sealed class CalibrationText
{
    /// <param name="tokens">The text; what does not fill a window at its end is left out.</param>
    /// <param name="context">Tokens of a window.</param>
    /// <param name="most">The most tokens that are used, from the beginning.</param>
    /// <param name="least">The fewest that are enough, such as the inputs of the widest matrix: fewer leave directions unseen.</param>
    /// <exception cref="CleaveException">There are too few tokens.</exception>
    public CalibrationText(ReadOnlySpan<int> tokens, int context, int most, int least)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(context, 1);
        int length = Math.Min(context, Math.Max(1, tokens.Length)), windows = Math.Min(tokens.Length, Math.Max(most, least)) / length;
        if (windows * length < least)
            throw new CleaveException($"the calibration text has {tokens.Length} tokens and at least {(least + length - 1) / length * length} are needed, as many as the widest matrix has inputs; give a longer text");
        Context = length;
        Tokens = tokens[..(windows * length)].ToArray();
        Windows = [.. Tokens.Chunk(length)];
    }

    /// <summary>Tokens of a window.</summary>
    public int Context { get; }

    /// <summary>All windows end to end.</summary>
    public int[] Tokens { get; }

    public IReadOnlyList<int[]> Windows { get; }
}
