using Cleave.Formats.Html;

namespace Cleave.Splitting.Report;

/// <summary>
/// Lays cards out in two columns: wide ones fill the row, the others pair up in order, and one that is left
/// without a neighbour fills the row too, so there are no holes.
/// </summary>
internal sealed class Cards
{
    private readonly List<(HtmlBuilder Html, bool Wide)> _cards = [];

    /// <summary>Begins a card of half the width and returns what to write it to.</summary>
    public HtmlBuilder Half(string title) => Begin(title, wide: false);

    /// <summary>Begins a card of the full width, optionally with switches beside its title.</summary>
    public HtmlBuilder Wide(string title, Markup switches = default) => Begin(title, wide: true, switches);

    public void WriteTo(HtmlBuilder html)
    {
        html.Add($"""<div class="grid">""");
        for (int i = 0; i < _cards.Count; i++)
        {
            bool pair = !_cards[i].Wide && i + 1 < _cards.Count && !_cards[i + 1].Wide;
            Write(html, i, !pair);
            if (pair)
                Write(html, ++i, wide: false);
        }
        html.Add($"</div>");
    }

    private HtmlBuilder Begin(string title, bool wide, Markup switches = default)
    {
        var html = new HtmlBuilder();
        html.Add($"""<div class="head"><h3>{title}</h3>{switches}</div>""");
        _cards.Add((html, wide));
        return html;
    }

    private void Write(HtmlBuilder html, int card, bool wide) =>
        html.Add($"""<article class="card{(wide ? " wide" : "")}">{_cards[card].Html.ToMarkup()}</article>""");
}
