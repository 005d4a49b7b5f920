using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cleave.Formats.Durable;

/// <summary>
/// One byte sequence for each JSON document, so that it can be hashed: RFC 8785 (keys sorted by UTF-16 code
/// unit, no white space, numbers as ECMAScript prints them), except that integers of up to 64 bits are written
/// exactly where the RFC would round them to a double.
/// </summary>
public static class CanonicalJson
{
    /// <exception cref="ArgumentException">A number is not finite.</exception>
    public static byte[] ToBytes(JsonNode? document) => Encoding.UTF8.GetBytes(ToText(document));

    /// <inheritdoc cref="ToBytes"/>
    public static string ToText(JsonNode? document)
    {
        var text = new StringBuilder();
        Write(text, document);
        return text.ToString();
    }

    /// <summary>A finite number as ECMAScript's Number::toString prints it: the shortest digits that read back the same.</summary>
    public static string Number(double value)
    {
        if (!double.IsFinite(value))
            throw new ArgumentException($"{value} has no JSON form", nameof(value));
        if (value == 0)
            return "0";
        // "E16" style text of the shortest digits: d.ddd E±xxx, taken apart and laid out again.
        string shortest = value.ToString("R", CultureInfo.InvariantCulture);
        (string digits, int point) = Digits(shortest.TrimStart('-'));
        string sign = value < 0 ? "-" : "";
        int count = digits.Length;
        return sign + point switch
        {
            >= 1 and <= 21 when point >= count => digits.PadRight(point, '0'),
            >= 1 and <= 21 => $"{digits[..point]}.{digits[point..]}",
            > -6 and <= 0 => "0." + new string('0', -point) + digits,
            _ => $"{digits[0]}{(count > 1 ? "." + digits[1..] : "")}e{(point > 0 ? "+" : "-")}{Math.Abs(point - 1)}",
        };
    }

    /// <summary>The significant digits, and how many of them (or, negative, how many zeros) stand at the decimal point.</summary>
    private static (string Digits, int Point) Digits(string text)
    {
        int exponentAt = text.IndexOf('E', StringComparison.Ordinal);
        int exponent = exponentAt < 0 ? 0 : int.Parse(text.AsSpan(exponentAt + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string mantissa = exponentAt < 0 ? text : text[..exponentAt];
        int dot = mantissa.IndexOf('.', StringComparison.Ordinal);
        int point = (dot < 0 ? mantissa.Length : dot) + exponent;
        string digits = mantissa.Replace(".", "", StringComparison.Ordinal);
        int leading = digits.Length - digits.TrimStart('0').Length;
        return (digits[leading..].TrimEnd('0'), point - leading);
    }

    private static void Write(StringBuilder text, JsonNode? node)
    {
        switch (node)
        {
            case null:
                text.Append("null");
                break;
            case JsonObject members:
                WriteObject(text, members);
                break;
            case JsonArray items:
                text.Append('[');
                for (int i = 0; i < items.Count; i++)
                {
                    text.Append(i > 0 ? "," : "");
                    Write(text, items[i]);
                }
                text.Append(']');
                break;
            case JsonValue value:
                WriteValue(text, value);
                break;
        }
    }

    private static void WriteObject(StringBuilder text, JsonObject members)
    {
        text.Append('{');
        bool first = true;
        foreach ((string name, JsonNode? value) in members.OrderBy(m => m.Key, StringComparer.Ordinal))
        {
            text.Append(first ? "" : ",");
            first = false;
            WriteString(text, name);
            text.Append(':');
            Write(text, value);
        }
        text.Append('}');
    }

    private static void WriteValue(StringBuilder text, JsonValue value)
    {
        switch (value.GetValueKind())
        {
            case JsonValueKind.String:
                WriteString(text, value.GetValue<string>());
                break;
            case JsonValueKind.True:
                text.Append("true");
                break;
            case JsonValueKind.False:
                text.Append("false");
                break;
            default:
                // The value's own JSON text is the one form that every numeric type shares.
                string raw = value.ToJsonString();
                if (long.TryParse(raw, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long integer))
                    text.Append(integer.ToString(CultureInfo.InvariantCulture));
                else if (ulong.TryParse(raw, NumberStyles.None, CultureInfo.InvariantCulture, out ulong large))
                    text.Append(large.ToString(CultureInfo.InvariantCulture));
                else
                    text.Append(Number(double.Parse(raw, CultureInfo.InvariantCulture)));
                break;
        }
    }

    private static void WriteString(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (char c in value)
        {
            text.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\b' => "\\b",
                '\f' => "\\f",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                < ' ' => $"\\u{(int)c:x4}",
                _ => null,
            } ?? c.ToString());
        }
        text.Append('"');
    }
}
