using System.Globalization;
using Cleave.Formats.Html;

namespace Cleave.Splitting.Report;

/// <summary>
/// One row of a forest plot as inline SVG: a dot, its interval, and reference lines. Positions are per cent of
/// the width, so rows line up in a table of any width and print without script.
/// </summary>
internal sealed class IntervalPlot
{
    private const string Middle = "50%";
    private readonly double _low;
    private readonly double _high;

    /// <param name="values">Everything that has to be in view.</param>
    public IntervalPlot(IEnumerable<double> values)
    {
        double[] finite = [.. values.Where(double.IsFinite)];
        double low = finite.Length == 0 ? 0 : finite.Min();
        double high = finite.Length == 0 ? 1 : finite.Max();
        double room = high > low ? (high - low) * 0.06 : Math.Max(Math.Abs(high) * 0.1, 1e-3);
        (_low, _high) = (low - room, high + room);
    }

    /// <summary>A dot with its interval, in the colour of <paramref name="role"/> (a CSS class).</summary>
    public Markup Row(Estimate e, string role, string description, double? reference = null)
    {
        var svg = Open(description);
        if (reference is { } r && double.IsFinite(r))
            svg.Add($"""<line class="reference" x1="{At(r)}" x2="{At(r)}" y1="0" y2="100%"/>""");
        if (e.Low is { } low && e.High is { } high)
            svg.Add($"""<line class="interval {role}" x1="{At(low)}" x2="{At(high)}" y1="{Middle}" y2="{Middle}"/>""");
        if (double.IsFinite(e.Value))
            svg.Add($"""<circle class="dot {role}" cx="{At(e.Value)}" cy="{Middle}" r="5"/>""");
        return svg.Add($"</svg>").ToMarkup();
    }

    /// <summary>
    /// The difference of a certificate against its margin: everything left of the margin is shaded, and the bar
    /// runs from the lower bound to the difference.
    /// </summary>
    public Markup Certificate(double difference, double lowerBound, double margin, bool passed, string description)
    {
        string role = passed ? "pass" : "fail";
        var svg = Open(description);
        svg.Add($"""<rect class="forbidden" x="0" y="0" width="{At(-margin)}" height="100%"/>""");
        svg.Add($"""<line class="margin" x1="{At(-margin)}" x2="{At(-margin)}" y1="0" y2="100%"/>""");
        svg.Add($"""<line class="zero" x1="{At(0)}" x2="{At(0)}" y1="0" y2="100%"/>""");
        if (double.IsFinite(lowerBound) && double.IsFinite(difference))
        {
            svg.Add($"""<line class="interval {role}" x1="{At(lowerBound)}" x2="{At(difference)}" y1="{Middle}" y2="{Middle}"/>""");
            if (lowerBound < _low)
                svg.Add($"""<polygon class="dot {role}" points="0,11 9,5 9,17"/>""");
            else
                svg.Add($"""<line class="cap {role}" x1="{At(lowerBound)}" x2="{At(lowerBound)}" y1="30%" y2="70%"/>""");
            svg.Add($"""<circle class="dot {role}" cx="{At(difference)}" cy="{Middle}" r="5"/>""");
        }
        return svg.Add($"</svg>").ToMarkup();
    }

    /// <summary>Two dots joined by a line: the module's value and the monolith's.</summary>
    public Markup Pair(double module, double? monolith, string description)
    {
        var svg = Open(description);
        if (monolith is { } m && double.IsFinite(m))
        {
            svg.Add($"""<line class="interval plain" x1="{At(m)}" x2="{At(module)}" y1="{Middle}" y2="{Middle}"/>""");
            svg.Add($"""<circle class="dot monolith" cx="{At(m)}" cy="{Middle}" r="5"/>""");
        }
        return svg.Add($"""<circle class="dot module" cx="{At(module)}" cy="{Middle}" r="5"/></svg>""").ToMarkup();
    }

    /// <summary>A position as per cent of the width, for labels under the plot.</summary>
    public string At(double x) =>
        Math.Clamp((x - _low) / (_high - _low) * 100, 0, 100).ToString("0.##", CultureInfo.InvariantCulture) + "%";

    private static HtmlBuilder Open(string description) =>
        new HtmlBuilder().Add($"""<svg class="plot" role="img" aria-label="{description}">""");
}
