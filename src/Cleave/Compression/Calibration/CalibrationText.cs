namespace Cleave.Compression.Calibration;

/// <summary>Text that shows a model what it will be used for, as windows of tokens that do not overlap.</summary>
public sealed class CalibrationText
{
    /// <param name="tokens">The text; what does not fill a window at its end is left out.</param>
    /// <param name="context">Tokens of a window.</param>
    /// <param name="most">The most tokens that are used, from the beginning, unless <paramref name="least"/> takes more.</param>
    /// <param name="least">The fewest that are enough, such as the inputs of the widest matrix: fewer leave directions unseen.</param>
    /// <exception cref="CleaveException">There are too few tokens.</exception>
    public CalibrationText(ReadOnlySpan<int> tokens, int context, int most, int least)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(context, 1);
        int length = Math.Min(context, Math.Max(1, tokens.Length)), enough = (least + length - 1) / length, windows = Math.Min(tokens.Length / length, Math.Max(most / length, enough));
        if (windows < enough)
            throw new CleaveException($"the calibration text has {tokens.Length} tokens and at least {enough * length} are needed, as many as the widest matrix has inputs; give a longer text");
        Context = length;
        Tokens = tokens[..(windows * length)].ToArray();
        Windows = [.. Tokens.Chunk(length)];
    }

    /// <summary>Whole texts as they are, each a window of its own length.</summary>
    /// <param name="texts">Their tokens; those behind the one with which there are enough are left out.</param>
    /// <param name="most">See above, and so for <paramref name="least"/>.</param>
    /// <exception cref="CleaveException">There are too few tokens.</exception>
    public CalibrationText(IEnumerable<int[]> texts, int most, int least)
    {
        ArgumentNullException.ThrowIfNull(texts);
        int total = 0;
        Windows = [.. texts.Where(t => t.Length > 0).TakeWhile(t => total < Math.Max(most, least) && (total += t.Length) > 0)];
        if (total < least)
            throw new CleaveException($"the texts to calibrate on have {total} tokens and at least {least} are needed, as many as the widest matrix has inputs; give the task more training texts, or round to nearest (rtn)");
        Context = Windows.Max(w => w.Length);
        Tokens = [.. Windows.SelectMany(w => w)];
    }

    /// <summary>Tokens of a window, at most.</summary>
    public int Context { get; }

    /// <summary>Whether a token sees only those before it, as it does in a model that continues texts.</summary>
    public bool Causal { get; init; } = true;

    /// <summary>All windows end to end.</summary>
    public int[] Tokens { get; }

    public IReadOnlyList<int[]> Windows { get; }
}
