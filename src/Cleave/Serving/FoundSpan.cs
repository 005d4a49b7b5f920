using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Cleave.Serving;

/// <summary>A stretch that an extractor found, with its words.</summary>
/// <param name="End">Exclusive.</param>
public sealed record FoundSpan(string Text, int Start, int End, string Label)
{
    private static readonly JsonWriterOptions Style = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A JSON list of <c>{"text", "start", "end", "label"}</c>.</summary>
    public static string Write(IEnumerable<FoundSpan> spans)
    {
        ArgumentNullException.ThrowIfNull(spans);
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Style))
        {
            writer.WriteStartArray();
            foreach (FoundSpan span in spans)
            {
                writer.WriteStartObject();
                writer.WriteString("text", span.Text);
                writer.WriteNumber("start", span.Start);
                writer.WriteNumber("end", span.End);
                writer.WriteString("label", span.Label);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>What <see cref="Write"/> wrote.</summary>
    public static IReadOnlyList<FoundSpan> Read(string json)
    {
        using JsonDocument list = JsonDocument.Parse(json);
        return [.. list.RootElement.EnumerateArray().Select(s => new FoundSpan(s.GetProperty("text").GetString()!, s.GetProperty("start").GetInt32(), s.GetProperty("end").GetInt32(), s.GetProperty("label").GetString()!))];
    }
}
