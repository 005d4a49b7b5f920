using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Cleave.Formats.Html;

namespace Cleave.Splitting.Report;

/// <summary>
/// The numbers that the charts draw, as JSON that is safe inside a script element: &lt;, &gt;, &amp; and the
/// line separators of U+2028 and U+2029 are escaped, and numbers that are not finite become null.
/// </summary>
internal static class ChartData
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.Create(UnicodeRanges.All) };

    public static Markup Of(ReportModel model)
    {
        var buffer = new ArrayBufferWriter<byte>(1 << 16);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartArray();
            foreach (ReportTask task in model.Tasks)
                Write(json, task);
            json.WriteEndArray();
        }
        return new Markup(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    /// <summary>Whether there is anything to draw of a curve.</summary>
    public static bool HasPoints(LearningCurve curve) =>
        curve.Points.Any(p => p.Loss is { } l && double.IsFinite(l) || p.Quality is { } q && double.IsFinite(q));

    private static void Write(Utf8JsonWriter json, ReportTask task)
    {
        json.WriteStartObject();
        json.WriteString("metric", task.Metric);
        json.WriteBoolean("share", new MetricStyle(task).IsShare);
        json.WriteBoolean("higher", task.HigherIsBetter);
        Number(json, "margin", task.Margin);
        Number(json, "monolithQuality", task.Monolith.StudyQuality);
        Number(json, "monolithCost", task.Monolith.StudyNanoseconds);
        json.WriteNumber("monolithBytes", task.Monolith.Bytes);
        if (task.Study is { } study)
            Write(json, study);
        json.WriteStartArray("curves");
        foreach (LearningCurve curve in task.Curves.Where(HasPoints))
            Write(json, curve);
        json.WriteEndArray();
        Write(json, "module", task.Module.Confusion);
        Write(json, "monolith", task.Monolith.Confusion);
        Write(json, task.Calibration);
        json.WriteStartArray("counts");
        foreach (LabelCount label in task.Cleaning?.Labels ?? [])
        {
            json.WriteStartArray();
            json.WriteStringValue(label.Label);
            json.WriteNumberValue(label.Count);
            json.WriteEndArray();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, ReportStudy study)
    {
        json.WriteStartArray("trials");
        foreach (ReportTrial trial in study.Trials)
        {
            json.WriteStartObject();
            json.WriteNumber("number", trial.Number);
            json.WriteString("state", trial.State switch
            {
                ReportTrialState.Complete => "complete",
                ReportTrialState.Stopped => "stopped",
                _ => "failed",
            });
            Number(json, "quality", trial.Quality);
            Number(json, "cost", trial.NanosecondsPerItem);
            Number(json, "bytes", trial.Bytes);
            json.WriteBoolean("front", trial.OnFront);
            json.WriteBoolean("chosen", trial.Chosen);
            json.WriteStartArray("recipe");
            foreach (NamedValue choice in trial.Recipe)
            {
                json.WriteStartArray();
                json.WriteStringValue(choice.Name);
                json.WriteStringValue(choice.Value);
                json.WriteEndArray();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("history");
        foreach (BestSoFar best in study.History)
            Row(json, best.Trial, best.Quality);
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, LearningCurve curve)
    {
        json.WriteStartObject();
        json.WriteString("name", curve.Name);
        json.WriteString("role", curve.Role == CurveRole.Module ? "module" : "monolith");
        json.WriteString("unit", curve.Unit);
        json.WriteStartArray("points");
        foreach (CurvePoint point in curve.Points)
            Row(json, point.At, point.Loss, point.Quality);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Only the cells that are not zero, as [expected, predicted, count].</summary>
    private static void Write(Utf8JsonWriter json, string side, Confusion? confusion)
    {
        if (confusion is null)
            return;
        json.WriteStartObject(side);
        json.WriteStartArray("labels");
        foreach (string label in confusion.Labels)
            json.WriteStringValue(label);
        json.WriteEndArray();
        json.WriteStartArray("cells");
        for (int i = 0; i < confusion.Labels.Count; i++)
        {
            for (int j = 0; j < confusion.Labels.Count; j++)
            {
                if (confusion.Counts[i][j] != 0)
                    Row(json, i, j, confusion.Counts[i][j]);
            }
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, ReportCalibration? calibration)
    {
        json.WriteStartArray("reliability");
        foreach (ReliabilityBin bin in (calibration?.Bins ?? []).Where(b => b.Items > 0))
            Row(json, bin.Confidence, bin.Accuracy, bin.Items);
        json.WriteEndArray();
    }

    private static void Row(Utf8JsonWriter json, params ReadOnlySpan<double?> values)
    {
        json.WriteStartArray();
        foreach (double? value in values)
        {
            if (value is { } v && double.IsFinite(v))
                json.WriteNumberValue(v);
            else
                json.WriteNullValue();
        }
        json.WriteEndArray();
    }

    private static void Number(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } v && double.IsFinite(v))
            json.WriteNumber(name, v);
        else
            json.WriteNull(name);
    }
}
