using System.Buffers;
using System.Text;
using Cleave.Tokenizers.Characters;

namespace Cleave.Tokenizers.Normalizers;

/// <summary>A step that rewrites a text before it is cut into words.</summary>
internal abstract class Normalizer
{
    public abstract AlignedText Apply(AlignedText text);
}

/// <summary>One step after the other.</summary>
internal sealed class SequenceNormalizer(IReadOnlyList<Normalizer> steps) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        foreach (Normalizer step in steps)
            text = step.Apply(text);
        return text;
    }
}

/// <summary>NFC, NFD, NFKC or NFKD.</summary>
internal sealed class FormNormalizer(bool compatibility, bool compose) : Normalizer
{
    public override AlignedText Apply(AlignedText text) => UnicodeForm.Apply(text, compatibility, compose);
}

/// <summary>Rewrites each character by itself.</summary>
internal abstract class CharacterNormalizer : Normalizer
{
    private SearchValues<char>? _staying;

    public override AlignedText Apply(AlignedText text)
    {
        // Runs of ASCII that stay are found and copied many characters at once.
        _staying ??= SearchValues.Create([.. Enumerable.Range(0, 0x80).Select(c => (char)c).Where(c => Stays(new Rune(c)))]);
        int at = 0;
        while ((at = EndOfStaying(text.Text, at)) < text.Text.Length && Stays(text.Text, at, out int length))
            at += length;
        if (at == text.Text.Length)
            return text;
        var output = new AlignedTextBuilder(text, text.Text.Length);
        output.Copy(0, at);
        while (at < text.Text.Length)
        {
            Rune.DecodeFromUtf16(text.Text.AsSpan(at), out Rune rune, out int length);
            Rewrite(rune, at, at + length, output);
            at += length;
            int end = EndOfStaying(text.Text, at);
            output.Copy(at, end);
            at = end;
        }
        return output.Build();
    }

    private int EndOfStaying(string text, int at)
    {
        int length = text.AsSpan(at).IndexOfAnyExcept(_staying!);
        return length < 0 ? text.Length : at + length;
    }

    /// <summary>Whether the character is rewritten to itself.</summary>
    protected abstract bool Stays(Rune rune);

    protected abstract void Rewrite(Rune rune, int start, int end, AlignedTextBuilder output);

    private bool Stays(string text, int at, out int length)
    {
        Rune.DecodeFromUtf16(text.AsSpan(at), out Rune rune, out length);
        return Stays(rune);
    }
}

/// <summary>Lower case, character by character; the dotted capital I becomes two.</summary>
internal sealed class LowercaseNormalizer : CharacterNormalizer
{
    protected override bool Stays(Rune rune) => rune.Value != 0x130 && Rune.ToLowerInvariant(rune) == rune;

    protected override void Rewrite(Rune rune, int start, int end, AlignedTextBuilder output)
    {
        if (rune.Value == 0x130)
            output.Append("i\u0307", start, end);
        else
            output.Append(Rune.ToLowerInvariant(rune), start, end);
    }
}

/// <summary>Leaves out the characters that a rule names.</summary>
internal sealed class RemovingNormalizer(Func<Rune, bool> removes) : CharacterNormalizer
{
    protected override bool Stays(Rune rune) => !removes(rune);

    protected override void Rewrite(Rune rune, int start, int end, AlignedTextBuilder output)
    {
        if (!removes(rune))
            output.Append(rune, start, end);
    }
}

/// <summary>SentencePiece's clean-up for translation models: controls go, odd blanks become blanks.</summary>
internal sealed class NmtNormalizer : CharacterNormalizer
{
    protected override bool Stays(Rune rune) => !Removes(rune) && !IsBlank(rune);

    protected override void Rewrite(Rune rune, int start, int end, AlignedTextBuilder output)
    {
        if (IsBlank(rune))
            output.Append(' ', start, end);
        else if (!Removes(rune))
            output.Append(rune, start, end);
    }

    private static bool Removes(Rune rune) =>
        rune.Value is >= 0x01 and <= 0x08 or 0x0B or >= 0x0E and <= 0x1F or 0x7F or 0x8F or 0x9F;

    private static bool IsBlank(Rune rune) => rune.Value is 0x09 or 0x0A or 0x0C or 0x0D or 0x1680 or >= 0x200B and <= 0x200F
        or 0x2028 or 0x2029 or 0x2581 or 0xFEFF or 0xFFFD;
}

/// <summary>BERT's clean-up: no controls, every white space a blank.</summary>
internal sealed class CleanTextNormalizer : CharacterNormalizer
{
    protected override bool Stays(Rune rune) => rune.Value == ' ' || (!Removes(rune) && !CharacterKinds.IsWhiteSpace(rune));

    protected override void Rewrite(Rune rune, int start, int end, AlignedTextBuilder output)
    {
        if (Removes(rune))
            return;
        if (CharacterKinds.IsWhiteSpace(rune))
            output.Append(' ', start, end);
        else
            output.Append(rune, start, end);
    }

    private static bool Removes(Rune rune) => rune.Value is 0 or 0xFFFD || CharacterKinds.IsControl(rune);
}

/// <summary>BERT's blanks around each Chinese character, so that it is a word.</summary>
internal sealed class ChineseNormalizer : CharacterNormalizer
{
    protected override bool Stays(Rune rune) => !CharacterKinds.IsChinese(rune);

    protected override void Rewrite(Rune rune, int start, int end, AlignedTextBuilder output)
    {
        bool apart = CharacterKinds.IsChinese(rune);
        if (apart)
            output.Append(' ', start, start);
        output.Append(rune, start, end);
        if (apart)
            output.Append(' ', end, end);
    }
}
