using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Cleave.Data;
using Cleave.Splitting.Releases;

namespace Cleave.Serving;

/// <summary>A release's answer as one text.</summary>
public static class AnswerText
{
    private static readonly JsonWriterOptions Style = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The label, the written text, or the spans as a JSON list of <c>{"text", "start", "end", "label"}</c>.</summary>
    /// <param name="text">What the answer is about.</param>
    public static string Of(Answer answer, string text)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentNullException.ThrowIfNull(text);
        return answer.Kind switch
        {
            TaskKind.Classify => answer.Prediction.Label ?? "",
            TaskKind.Extract => Spans(answer.Prediction.Spans, text),
            _ => answer.Prediction.Text ?? "",
        };
    }

    private static string Spans(IReadOnlyList<TextSpan> spans, string text)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Style))
        {
            writer.WriteStartArray();
            foreach (TextSpan span in spans)
            {
                writer.WriteStartObject();
                writer.WriteString("text", text[span.Start..span.End]);
                writer.WriteNumber("start", span.Start);
                writer.WriteNumber("end", span.End);
                writer.WriteString("label", span.Label);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
