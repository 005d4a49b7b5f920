using System.Text;
using Cleave.Tokenizers.Segmentation;

namespace Cleave.Tokenizers.Decoders;

/// <summary>Makes the steps that rewrite tokens one by one.</summary>
internal static class DecodingSteps
{
    private static readonly (string From, string To)[] CleanUps =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"),
        (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    public static DecodingStep Replace(TextPattern pattern, string content, bool whole) =>
        new TokenStep((token, _) => Replaced(pattern, token, content), whole);

    /// <summary>The mark of blanks becomes a blank; in the first token it goes, where one was put before the text.</summary>
    public static DecodingStep Metaspace(char replacement, bool prepended, bool whole) => new TokenStep((token, first) =>
        first && prepended ? token.Replace(replacement.ToString(), "", StringComparison.Ordinal) : token.Replace(replacement, ' '), whole);

    /// <summary>Words are set apart by blanks, and those before punctuation go again.</summary>
    public static DecodingStep WordPiece(string prefix, bool cleanUp, bool whole) => new TokenStep((token, first) =>
    {
        string text = first ? token
            : prefix.Length > 0 && token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
        return cleanUp ? CleanedUp(text) : text;
    }, whole);

    /// <summary>Tokens with blanks between, as where there is no decoder.</summary>
    public static DecodingStep Join() => new TokenStep((token, first) => first ? token : " " + token, whole: true);

    public static string CleanedUp(string text)
    {
        foreach ((string from, string to) in CleanUps)
            text = text.Replace(from, to, StringComparison.Ordinal);
        return text;
    }

    private static string Replaced(TextPattern pattern, string text, string content)
    {
        var matches = new List<TextMatch>();
        pattern.Find(text, matches);
        if (!matches.Exists(m => m.IsMatch))
            return text;
        var output = new StringBuilder();
        foreach (TextMatch match in matches)
            output.Append(match.IsMatch ? content : text.AsSpan(match.Start, match.End - match.Start));
        return output.ToString();
    }
}

/// <summary>Takes up to so many of one character from each end of a token.</summary>
internal sealed class StripStep(char content, int start, int stop) : DecodingStep
{
    public override DecodingRun Start(DecodingRun next) => new Run(content, start, stop, next);

    private sealed class Run(char content, int start, int stop, DecodingRun next) : DecodingRun
    {
        private readonly StringBuilder _held = new();
        private int _left;
        private bool _begins = true, _open;

        public override void Push(string text, bool begins)
        {
            if (begins)
            {
                Close();
                (_left, _begins, _open) = (start, true, true);
            }
            int from = 0;
            while (_left > 0 && from < text.Length && text[from] == content)
                (from, _left) = (from + 1, _left - 1);
            if (from < text.Length)
                _left = 0;
            _held.Append(text, from, text.Length - from);
            int keep = 0;
            while (keep < stop && keep < _held.Length && _held[^(keep + 1)] == content)
                keep++;
            Emit(_held.Length - keep);
        }

        public override void End()
        {
            Close();
            next.End();
        }

        private void Close()
        {
            if (_open && _begins)
                Emit(0, always: true);
            _held.Clear();
            _open = false;
        }

        private void Emit(int count, bool always = false)
        {
            if (count == 0 && !always)
                return;
            next.Push(_held.ToString(0, count), _begins);
            _held.Remove(0, count);
            _begins = false;
        }
    }
}

/// <summary>The suffix that ends words becomes a blank, but for the last token's.</summary>
internal sealed class SuffixStep(string suffix) : DecodingStep
{
    public override DecodingRun Start(DecodingRun next) => new Run(suffix, next);

    public override string Plain(string token) => suffix.Length == 0 ? token : token.Replace(suffix, " ", StringComparison.Ordinal);

    private sealed class Run(string suffix, DecodingRun next) : DecodingRun
    {
        private string? _held;

        public override void Push(string text, bool begins)
        {
            if (!begins)
            {
                _held += text;
                return;
            }
            Release(" ");
            _held = text;
        }

        public override void End()
        {
            Release("");
            next.End();
        }

        private void Release(string replacement)
        {
            if (_held is not null)
                next.Push(suffix.Length == 0 ? _held : _held.Replace(suffix, replacement, StringComparison.Ordinal), begins: true);
            _held = null;
        }
    }
}

/// <summary>The output of a speech model: repeats are one, the padding token is silence.</summary>
internal sealed class CtcStep(string pad, string delimiter, bool cleanUp) : DecodingStep
{
    public override DecodingRun Start(DecodingRun next) => new Run(this, next);

    public override string Plain(string token) => Rewritten(token);

    private string Rewritten(string token)
    {
        string text = pad.Length == 0 ? token : token.Replace(pad, "", StringComparison.Ordinal);
        if (!cleanUp)
            return text;
        text = DecodingSteps.CleanedUp(text);
        return delimiter.Length == 0 ? text : text.Replace(delimiter, " ", StringComparison.Ordinal);
    }

    private sealed class Run(CtcStep step, DecodingRun next) : DecodingRun
    {
        private string? _last;

        public override void Push(string text, bool begins)
        {
            if (text != _last && step.Rewritten(text) is { Length: > 0 } rewritten)
                next.Push(rewritten, begins: true);
            _last = text;
        }

        public override void End() => next.End();
    }
}
