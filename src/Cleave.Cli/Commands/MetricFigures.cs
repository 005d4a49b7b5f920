using System.Text.Json;
using Cleave.Evaluation;

namespace Cleave.Cli.Commands;

/// <summary>A measured quality with its interval, in JSON answers.</summary>
internal static class MetricFigures
{
    public static void Write(Utf8JsonWriter w, Metric metric, ConfidenceInterval quality)
    {
        w.WriteNumber("metric", quality.Value);
        w.WriteString("metric_name", metric.Name);
        w.WriteNumber("metric_low", quality.Low);
        w.WriteNumber("metric_high", quality.High);
        w.WriteNumber("metric_items", quality.Items);
    }
}
