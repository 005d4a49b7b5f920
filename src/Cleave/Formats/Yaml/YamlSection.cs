using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.RepresentationModel;

namespace Cleave.Formats.Yaml;

/// <summary>
/// One mapping of a YAML file. A getter names a key, what is valid and the default; a wrong value is reported to the
/// file and the default returned. <see cref="Finish"/> reports the keys that nobody asked for.
/// </summary>
public sealed class YamlSection
{
    private readonly YamlFile _file;
    private readonly string _place;
    private readonly Dictionary<string, YamlNode> _values = [];
    private readonly Dictionary<string, long> _lines = [];
    private readonly List<string> _known = [];

    internal YamlSection(YamlFile file, string place, YamlMappingNode node)
    {
        (_file, _place, Line) = (file, place, node.Start.Line);
        foreach ((YamlNode key, YamlNode value) in node.Children)
        {
            string name = (key as YamlScalarNode)?.Value ?? "";
            _values[name] = value;
            _lines[name] = key.Start.Line;
        }
    }

    public long Line { get; }

    public IEnumerable<string> Keys => _values.Keys;

    public bool Has(string key)
    {
        Know(key);
        return _values.ContainsKey(key);
    }

    public string? Text(string key, bool required = false)
    {
        Know(key);
        if (!_values.TryGetValue(key, out YamlNode? node))
        {
            if (required)
                Report(Line, $"'{Full(key)}' is missing");
            return null;
        }
        if (node is YamlScalarNode { Value.Length: > 0 } scalar)
            return scalar.Value;
        Report(key, $"'{Full(key)}' must be a text");
        return null;
    }

    /// <summary>One of <paramref name="choices"/>.</summary>
    public string Choice(string key, string fallback, params string[] choices)
    {
        if (Text(key) is not { } text)
            return fallback;
        if (choices.Contains(text, StringComparer.Ordinal))
            return text;
        Report(key, $"'{Full(key)}' cannot be '{text}' ({Suggest.Hint(text, choices)})");
        return fallback;
    }

    public double Number(string key, double fallback, double low, double high)
    {
        if (Text(key) is not { } text)
            return fallback;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value >= low && value <= high)
            return value;
        Report(key, $"'{Full(key)}' must be a number from {Show(low)} to {Show(high)}, not '{text}'");
        return fallback;
    }

    public int Integer(string key, int fallback, int low, int high) => (int)Long(key, fallback, low, high);

    /// <summary>A whole number; the suffixes k, M and G multiply by 10³, 10⁶ and 10⁹.</summary>
    public long Long(string key, long fallback, long low, long high)
    {
        if (Text(key) is not { } text)
            return fallback;
        (string digits, long unit) = text[^1] switch
        {
            'k' => (text[..^1], 1_000L),
            'M' => (text[..^1], 1_000_000L),
            'G' => (text[..^1], 1_000_000_000L),
            _ => (text, 1L),
        };
        if (decimal.TryParse(digits, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out decimal value)
            && Math.Abs(value) < 1_000_000_000_000m && value * unit >= low && value * unit <= high && decimal.Truncate(value * unit) == value * unit)
            return (long)(value * unit);
        Report(key, $"'{Full(key)}' must be a whole number from {low} to {high}, not '{text}'");
        return fallback;
    }

    public ulong Seed(string key, ulong fallback)
    {
        if (Text(key) is not { } text)
            return fallback;
        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value))
            return value;
        Report(key, $"'{Full(key)}' must be a whole number from 0, not '{text}'");
        return fallback;
    }

    public bool Flag(string key, bool fallback) => Choice(key, fallback ? "true" : "false", "true", "false") == "true";

    /// <summary>A quantity with a unit, such as 8MB or 5ms, in the unit whose factor is 1.</summary>
    public double? Quantity(string key, IReadOnlyDictionary<string, double> units)
    {
        ArgumentNullException.ThrowIfNull(units);
        if (Text(key) is not { } text)
            return null;
        foreach ((string unit, double factor) in units.OrderByDescending(u => u.Key.Length))
        {
            if (text.EndsWith(unit, StringComparison.OrdinalIgnoreCase)
                && double.TryParse(text[..^unit.Length].TrimEnd(), NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
                && value > 0 && double.IsFinite(value))
                return value * factor;
        }
        Report(key, $"'{Full(key)}' must be a positive number with one of the units {string.Join(", ", units.Keys)}, not '{text}'");
        return null;
    }

    /// <summary>A text or a list of texts.</summary>
    public IReadOnlyList<string> Texts(string key, bool required = false)
    {
        Know(key);
        if (!_values.TryGetValue(key, out YamlNode? node))
        {
            if (required)
                Report(Line, $"'{Full(key)}' is missing");
            return [];
        }
        if (node is YamlScalarNode { Value.Length: > 0 } scalar)
            return [scalar.Value];
        if (node is YamlSequenceNode sequence && sequence.Children.Count > 0
            && sequence.Children.All(c => c is YamlScalarNode { Value.Length: > 0 }))
            return [.. sequence.Children.Select(c => ((YamlScalarNode)c).Value!)];
        Report(key, $"'{Full(key)}' must be a text or a list of texts");
        return [];
    }

    public YamlSection? Section(string key, bool required = false)
    {
        Know(key);
        if (!_values.TryGetValue(key, out YamlNode? node))
        {
            if (required)
                Report(Line, $"'{Full(key)}' is missing");
            return null;
        }
        if (node is YamlMappingNode mapping)
            return new YamlSection(_file, Full(key), mapping);
        Report(key, $"'{Full(key)}' must be a section with keys of its own");
        return null;
    }

    /// <summary>A section as JSON, for a reader that has one form for both: plain scalars become numbers and flags where they can.</summary>
    public JsonObject? Json(string key, bool required = false)
    {
        if (Section(key, required) is null)
            return null;
        return (JsonObject?)ToJson(key, _values[key], 0);
    }

    /// <summary>A value of any form as JSON, or null where there is none: see <see cref="Json"/>.</summary>
    public JsonNode? Node(string key)
    {
        Know(key);
        return _values.TryGetValue(key, out YamlNode? node) ? ToJson(key, node, 0) : null;
    }

    /// <summary>The line of a key; the section's where it has no such key.</summary>
    public long LineOf(string key) => _lines.GetValueOrDefault(key, Line);

    private JsonNode? ToJson(string key, YamlNode node, int depth)
    {
        const int MostDepth = 8; // deeper than any form read from a project, and safe against anchors that hold themselves
        switch (node)
        {
            case YamlMappingNode mapping when depth < MostDepth:
                var members = new JsonObject();
                foreach ((YamlNode name, YamlNode value) in mapping.Children)
                    members[(name as YamlScalarNode)?.Value ?? ""] = ToJson(key, value, depth + 1);
                return members;
            case YamlSequenceNode sequence when depth < MostDepth:
                return new JsonArray([.. sequence.Children.Select(c => ToJson(key, c, depth + 1))]);
            case YamlScalarNode { Value: { } text } scalar:
                return scalar.Style != YamlDotNet.Core.ScalarStyle.Plain ? JsonValue.Create(text)
                    : text is "true" or "false" ? JsonValue.Create(text == "true")
                    : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) ? JsonValue.Create(number)
                    : JsonValue.Create(text);
            default:
                Report(key, $"'{Full(key)}' is nested too deeply");
                return null;
        }
    }

    /// <summary>Reports a mistake in the value of <paramref name="key"/>.</summary>
    public void Report(string key, string problem) => Report(LineOf(key), problem);

    /// <summary>Reports every key that no getter asked for, with the nearest valid name.</summary>
    public void Finish()
    {
        foreach (string key in _values.Keys)
        {
            if (!_known.Contains(key))
                Report(key, $"unknown key '{Full(key)}' ({Suggest.Hint(key, _known)})");
        }
    }

    private void Report(long line, string problem) => _file.Report(line, problem);

    private void Know(string key)
    {
        if (!_known.Contains(key))
            _known.Add(key);
    }

    private string Full(string key) => _place.Length == 0 ? key : $"{_place}.{key}";

    private static string Show(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
}
