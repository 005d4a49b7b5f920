using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace Cleave.Formats.Html;

/// <summary>
/// Collects a page. In <c>Add($"&lt;td&gt;{value}&lt;/td&gt;")</c> the literal parts are markup and every hole is
/// escaped as text, so a label or an example can hold anything; markup goes through a hole only as
/// <see cref="Markup"/>.
/// </summary>
internal sealed class HtmlBuilder
{
    private readonly StringBuilder _text = new();

    public HtmlBuilder Add([InterpolatedStringHandlerArgument("")] ref Holes holes)
    {
        _ = holes;
        _text.Append('\n');
        return this;
    }

    /// <summary>Appends markup as it stands.</summary>
    public HtmlBuilder Add(Markup markup)
    {
        _text.Append(markup.Html).Append('\n');
        return this;
    }

    public Markup ToMarkup() => new(_text.ToString());

    public override string ToString() => _text.ToString();

    [InterpolatedStringHandler]
    public readonly ref struct Holes
    {
        private readonly StringBuilder _text;

        public Holes(int literalLength, int holeCount, HtmlBuilder builder)
        {
            _text = builder._text;
            _text.EnsureCapacity(_text.Length + literalLength + 16 * holeCount);
        }

        public void AppendLiteral(string markup) => _text.Append(markup);
        public void AppendFormatted(string? text) => _text.Append(WebUtility.HtmlEncode(text));
        public void AppendFormatted(int number) => _text.Append(number.ToString(CultureInfo.InvariantCulture));
        public void AppendFormatted(Markup markup) => _text.Append(markup.Html);
    }
}

/// <summary>Text that is already HTML.</summary>
internal readonly record struct Markup(string Html)
{
    public static Markup Empty { get; } = new("");

    /// <summary>One piece of markup with escaped holes, for use inside another.</summary>
    public static Markup Of(FormattableString text)
    {
        object?[] holes = text.GetArguments();
        var escaped = new object[holes.Length];
        for (int i = 0; i < holes.Length; i++)
            escaped[i] = holes[i] is Markup m ? m.Html : WebUtility.HtmlEncode(Convert.ToString(holes[i], CultureInfo.InvariantCulture) ?? "");
        return new Markup(string.Format(CultureInfo.InvariantCulture, text.Format, escaped));
    }
}
