namespace Cleave.Training.Scoring;

/// <summary>A window of a text.</summary>
/// <param name="Start">The first token that the model reads.</param>
/// <param name="Length">Tokens that it reads.</param>
/// <param name="Scored">How many of its predictions count: the last ones.</param>
public readonly record struct TextWindow(int Start, int Length, int Scored)
{
    /// <summary>The first token whose prediction counts.</summary>
    public int FirstTarget => Start + Length - Scored + 1;
}

/// <summary>
/// Cuts a text into overlapping windows so that each token but the first is predicted once, and each from at least
/// context − stride tokens before it as long as there are so many (the strided evaluation that Hugging Face describes).
/// </summary>
public static class TextWindows
{
    /// <param name="tokens">Tokens of the text, at least 2.</param>
    /// <param name="context">Tokens of a window.</param>
    /// <param name="stride">How far the next window is from the last: from 1 to <paramref name="context"/>, which means that windows do not overlap.</param>
    public static IEnumerable<TextWindow> Of(int tokens, int context, int stride)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 2);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(context);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stride);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stride, context);
        return Cut(tokens, context, stride);
    }

    private static IEnumerable<TextWindow> Cut(int tokens, int context, int stride)
    {
        int done = 0; // predictions made: of tokens 1 … done
        for (int start = 0; done < tokens - 1; start += stride)
        {
            int length = Math.Min(context, tokens - 1 - start);
            yield return new TextWindow(start, length, start + length - done);
            done = start + length;
        }
    }
}
