using System.Text;
using System.Text.Json;

namespace Cleave.Data.Reading;

/// <summary>Reads one JSON object a line (RFC 8259 objects, UTF-8, blank lines skipped).</summary>
internal static class JsonRows
{
    private static readonly JsonReaderOptions Strict = new() { MaxDepth = 64 };

    public static IEnumerable<Row> Read(string file, Utf8Lines lines)
    {
        while (Parse(file, lines, out Row? row))
        {
            if (row is not null)
                yield return row;
        }
    }

    /// <summary>Reads one line; the row is null where the line is blank.</summary>
    private static bool Parse(string file, Utf8Lines lines, out Row? row)
    {
        row = null;
        if (!lines.Next(out ReadOnlySpan<byte> line))
            return false;
        if (line.Trim(" \t"u8).IsEmpty)
            return true;
        try
        {
            row = ParseObject(file, line, lines.Line);
            return true;
        }
        catch (JsonException e)
        {
            throw new DataFileException(file,
                $"is not one JSON object on a line (at byte {e.BytePositionInLine + 1} of the line)", lines.Line);
        }
        catch (InvalidOperationException)
        {
            throw new DataFileException(file, "a JSON string holds half of a surrogate pair (\\uD800 to \\uDFFF)", lines.Line);
        }
    }

    private static Row ParseObject(string file, ReadOnlySpan<byte> line, long number)
    {
        var names = new List<string>();
        var values = new List<string?>();
        var reader = new Utf8JsonReader(line, Strict);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new DataFileException(file, $"holds {Describe(reader.TokenType)} where a JSON object is expected; "
                + "write one {\"text\": …} on each line", number);
        }
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            if (names.Contains(name))
                throw new DataFileException(file, $"names '{name}' twice in one object", number);
            reader.Read();
            names.Add(name);
            values.Add(Value(ref reader, line));
        }
        if (reader.Read())
            throw new JsonException();
        return new Row(file, number, names, values);
    }

    private static string? Value(ref Utf8JsonReader reader, ReadOnlySpan<byte> line)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                return reader.GetString();
            case JsonTokenType.Null:
                return null;
            default:
                int start = (int)reader.TokenStartIndex;
                reader.Skip();
                return Encoding.UTF8.GetString(line[start..(int)reader.BytesConsumed]);
        }
    }

    private static string Describe(JsonTokenType type) => type switch
    {
        JsonTokenType.StartArray => "a JSON array",
        JsonTokenType.String => "a JSON string",
        JsonTokenType.Number => "a number",
        _ => "a bare value",
    };
}
