using System.Globalization;
using System.Text;

namespace Cleave.Server.Observation;

/// <summary>Metrics in Prometheus' text format 0.0.4; names and units as OpenTelemetry's compatibility rules write them.</summary>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private static readonly CultureInfo Plain = CultureInfo.InvariantCulture;

    public static string Of(MetricStore store)
    {
        var text = new StringBuilder();
        store.Read(family => Write(text, family));
        return text.ToString();
    }

    /// <summary>Such as <c>gen_ai_server_request_duration_seconds</c>.</summary>
    internal static string NameOf(MetricFamily family)
    {
        string unit = family.Instrument.Unit switch
        {
            "s" => "_seconds",
            "By" => "_bytes",
            "J" => "_joules",
            _ => "",
        };
        return Identifier(family.Instrument.Name) + unit + (family.IsCounter ? "_total" : "");
    }

    private static void Write(StringBuilder text, MetricFamily family)
    {
        if (family.Series.Count == 0)
            return;
        string name = NameOf(family);
        text.Append(Plain, $"# HELP {name} {Escape(family.Instrument.Description ?? "", quotes: false)}\n");
        text.Append(Plain, $"# TYPE {name} {(family.IsHistogram ? "histogram" : family.IsCounter ? "counter" : "gauge")}\n");
        foreach ((_, MetricSeries series) in family.Series.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            string labels = string.Join(',', series.Tags.Select(t => $"{Identifier(t.Key)}=\"{Escape(t.Value, quotes: true)}\""));
            if (!family.IsHistogram)
            {
                text.Append(Plain, $"{name}{(labels.Length > 0 ? $"{{{labels}}}" : "")} {Number(series.Value)}\n");
                continue;
            }
            long below = 0;
            for (int i = 0; i < series.Buckets.Length; i++)
            {
                below += series.Buckets[i];
                string bound = i < family.Bounds.Length ? Number(family.Bounds[i]) : "+Inf";
                text.Append(Plain, $"{name}_bucket{{{labels}{(labels.Length > 0 ? "," : "")}le=\"{bound}\"}} {below}\n");
            }
            string braces = labels.Length > 0 ? $"{{{labels}}}" : "";
            text.Append(Plain, $"{name}_sum{braces} {Number(series.Value)}\n{name}_count{braces} {series.Count}\n");
        }
    }

    private static string Identifier(string name) => string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));

    private static string Number(double value) => value.ToString("R", Plain);

    private static string Escape(string text, bool quotes)
    {
        text = text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        return quotes ? text.Replace("\"", "\\\"", StringComparison.Ordinal) : text;
    }
}
