using System.Text;
using Cleave.Models.Sampling;
using Cleave.Models.Sampling.Grammars;
using Cleave.Tokenizers;

namespace Cleave.Serving;

/// <summary>A text that a model wrote.</summary>
/// <param name="Tokens">How many tokens were made, without the one that ended it.</param>
public sealed record GeneratedText(string Text, int Tokens, FinishReason Finish);

/// <summary>Tokens to text while they are made: whole characters, up to the first stop text.</summary>
/// <param name="trim">Whether white space at both ends is left out.</param>
/// <param name="onText">Gets the pieces that make up the text, none of them empty.</param>
/// <param name="shown">A control token that is part of the text; null for none.</param>
public sealed class TextGeneration(ITokenizer tokenizer, IReadOnlyList<string> stops, bool trim, Action<string> onText, int? shown = null)
{
    private readonly StopTexts _stopper = new(stops);
    private readonly StringBuilder _text = new();
    private readonly OuterBlanks _blanks = new();
    private StreamingDecoder _decoder = tokenizer.StartDecoding(skipSpecial: true);
    private int _tokens;

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
        var text = new TextGeneration(tokenizer, stops, trim, onText);
        bool ended = false;
        generator.Generate(prompt, options, id => ended = isEnd(id), (id, _) => text.Add(id), constraint, cancellation);
        return text.End(ended, constraint);
    }

    /// <summary>Takes the next token; false where no more are wanted.</summary>
    public bool Add(int id)
    {
        _tokens++;
        Say(_stopper.Push(id == shown ? Shown(id) : _decoder.Append(id)));
        return !_stopper.Stopped;
    }

    /// <summary>Says what was held back.</summary>
    /// <param name="ended">A token ended the text.</param>
    /// <param name="constraint">What kept it to a grammar, or null.</param>
    public GeneratedText End(bool ended, ITokenConstraint? constraint)
    {
        ended |= constraint is { IsComplete: true } or { Accepts: true }; // what is a whole text of its form has not been cut
        Say(_stopper.Push(_decoder.Flush()));
        Say(_stopper.Finish());
        return new GeneratedText(_text.ToString(), _tokens, ended || _stopper.Stopped ? FinishReason.Stop : FinishReason.Length);
    }

    private string Shown(int id)
    {
        string before = _decoder.Flush();
        _decoder = tokenizer.StartDecoding(skipSpecial: true);
        return before + tokenizer.TokenOf(id);
    }

    private void Say(string piece)
    {
        if (trim)
            piece = _blanks.Push(piece);
        if (piece.Length == 0)
            return;
        _text.Append(piece);
        onText(piece);
    }
}
