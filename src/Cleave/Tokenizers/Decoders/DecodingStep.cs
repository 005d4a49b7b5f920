using System.Text;

namespace Cleave.Tokenizers.Decoders;

/// <summary>
/// One step from tokens to text. A step sees the tokens one after the other, so that text can be shown while it is
/// generated, and passes on what can no longer change.
/// </summary>
internal abstract class DecodingStep
{
    /// <summary>A run of this step over one sequence.</summary>
    public abstract DecodingRun Start(DecodingRun next);

    /// <summary>What a token in the middle of a text stands for by itself.</summary>
    public virtual string Plain(string token) => token;
}

/// <summary>The state of a step within one sequence.</summary>
internal abstract class DecodingRun
{
    /// <param name="begins">Whether a token begins here; else this goes on with the one before.</param>
    public abstract void Push(string text, bool begins);

    public abstract void End();
}

/// <summary>Where the text arrives.</summary>
internal sealed class DecodedText : DecodingRun
{
    private readonly StringBuilder _text = new();

    public override void Push(string text, bool begins) => _text.Append(text);

    public override void End()
    {
    }

    /// <summary>The text since the last call.</summary>
    public string Take()
    {
        string text = _text.ToString();
        _text.Clear();
        return text;
    }
}

/// <summary>Rewrites each token by itself, told whether it is the first.</summary>
/// <param name="whole">Whether tokens come in one part, so that none has to be held back for the rest of it.</param>
internal sealed class TokenStep(Func<string, bool, string> rewrite, bool whole) : DecodingStep
{
    public override DecodingRun Start(DecodingRun next) => new Run(rewrite, whole, next);

    public override string Plain(string token) => rewrite(token, false);

    private sealed class Run(Func<string, bool, string> rewrite, bool whole, DecodingRun next) : DecodingRun
    {
        private bool _first = true;
        private StringBuilder? _held;

        public override void Push(string text, bool begins)
        {
            if (begins)
                Release();
            (_held ??= new StringBuilder()).Append(text);
            if (whole)
                Release();
        }

        public override void End()
        {
            Release();
            next.End();
        }

        private void Release()
        {
            if (_held is null)
                return;
            next.Push(rewrite(_held.ToString(), _first), begins: true);
            (_held, _first) = (null, false);
        }
    }
}

/// <summary>All tokens become one.</summary>
internal sealed class FuseStep : DecodingStep
{
    public override DecodingRun Start(DecodingRun next) => new Run(next);

    private sealed class Run(DecodingRun next) : DecodingRun
    {
        private bool _begun;

        public override void Push(string text, bool begins)
        {
            next.Push(text, !_begun);
            _begun = true;
        }

        public override void End() => next.End();
    }
}
