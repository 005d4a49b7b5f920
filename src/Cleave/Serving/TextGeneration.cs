using System.Text;
using Cleave.Models.Sampling;
using Cleave.Models.Sampling.Grammars;
using Cleave.Tokenizers;

namespace Cleave.Serving;

/// <summary>A text that a model wrote.</summary>
/// <param name="Tokens">How many tokens were made, without the one that ended it.</param>
public sealed record GeneratedText(string Text, int Tokens, FinishReason Finish);

/// <summary>Tokens to text while they are made: whole characters, up to the first stop text.</summary>
public static class TextGeneration
{
    /// <summary>Continues a prompt; the pieces that <paramref name="onText"/> gets make up the text.</summary>
    /// <param name="trim">Whether white space at both ends is left out.</param>
    /// <param name="constraint">Keeps the text to a grammar, or null.</param>
    /// <exception cref="CapacityException">The prompt leaves no room in the context.</exception>
    public static GeneratedText Run(Generator generator, ITokenizer tokenizer, ReadOnlySpan<int> prompt, SamplingOptions options,
        IReadOnlyList<string> stops, Func<int, bool> isEnd, bool trim, Action<string> onText, TokenConstraint? constraint, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(generator);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(onText);
        var decoder = tokenizer.StartDecoding(skipSpecial: true);
        var stopper = new StopTexts(stops);
        var text = new StringBuilder();
        var blanks = new StringBuilder();
        int tokens = 0;
        bool ended = false;
        generator.Generate(prompt, options, id => ended = isEnd(id), (id, _) =>
        {
            tokens++;
            Say(stopper.Push(decoder.Append(id)));
            return !stopper.Stopped;
        }, constraint, cancellation);
        ended |= constraint is { IsComplete: true } or { Accepts: true }; // what is a whole text of its form has not been cut
        Say(stopper.Push(decoder.Flush()));
        Say(stopper.Finish());
        return new GeneratedText(text.ToString(), tokens, ended || stopper.Stopped ? FinishReason.Stop : FinishReason.Length);

        void Say(string piece)
        {
            if (trim)
                piece = WithoutOuterBlanks(piece, text.Length == 0, blanks);
            if (piece.Length == 0)
                return;
            text.Append(piece);
            onText(piece);
        }
    }

    // White space waits until something follows it; before the first word it is dropped.
    private static string WithoutOuterBlanks(string piece, bool atStart, StringBuilder blanks)
    {
        if (atStart)
            piece = piece.TrimStart();
        string solid = piece.TrimEnd();
        if (solid.Length == 0)
        {
            blanks.Append(piece);
            return "";
        }
        string said = blanks.Append(solid).ToString();
        blanks.Clear().Append(piece, solid.Length, piece.Length - solid.Length);
        return said;
    }
}
