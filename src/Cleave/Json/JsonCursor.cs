using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Cleave.Json;

/// <summary>
/// One value of a JSON document that remembers the file and the path that lead to it, so that every complaint
/// names both: <c>config.json: rope_scaling.factor: expected a number, found "x"</c>.
/// </summary>
public sealed class JsonCursor
{
    /// <summary>Deep enough for every configuration; a hostile file cannot exhaust the stack.</summary>
    public const int MaxDepth = 64;

    private readonly JsonElement _element;
    private readonly string _file;
    private readonly JsonCursor? _parent;
    private readonly string? _name;
    private readonly int _index;

    private JsonCursor(JsonElement element, string file, JsonCursor? parent, string? name, int index = 0)
    {
        _element = element;
        _file = file;
        _parent = parent;
        _name = name;
        _index = index;
    }

    /// <summary>Parses a whole document: strict JSON, no comments, no duplicate names.</summary>
    /// <exception cref="ModelFileException">The bytes are not such a document.</exception>
    public static JsonCursor Parse(ReadOnlySpan<byte> utf8, string file)
    {
        if (utf8.StartsWith("\uFEFF"u8))
            utf8 = utf8[3..];
        // The parser lets broken bytes in texts through, and fails later on whoever reads them.
        if (!Utf8.IsValid(utf8))
            throw new ModelFileException(file, "not valid UTF-8", ValidBytes(utf8));
        try
        {
            var options = new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false };
            return new JsonCursor(JsonElement.Parse(utf8, options), file, null, null);
        }
        catch (JsonException e)
        {
            throw new ModelFileException(file, $"not valid JSON: {FirstSentence(e.Message)}", OffsetOf(utf8, e));
        }
        catch (InvalidOperationException)
        {
            throw new ModelFileException(file, "not valid JSON: a name holds broken Unicode");
        }
    }

    public JsonElement Element => _element;

    public string File => _file;

    public JsonValueKind Kind => _element.ValueKind;

    /// <summary>The path from the root, such as <c>model.merges[3]</c>; empty for the root.</summary>
    public string Path => _parent is null ? "" : _name is null ? $"{_parent.Path}[{_index}]"
        : _parent._parent is null ? _name : $"{_parent.Path}.{_name}";

    /// <summary>A member that must be there.</summary>
    /// <exception cref="ModelFileException">This is not an object, or the member is missing.</exception>
    public JsonCursor this[string name] =>
        Member(name) ?? throw new JsonCursor(default, _file, this, name).Error("is missing");

    /// <summary>A member, or null where it is missing or JSON <c>null</c>.</summary>
    public JsonCursor? Find(string name) => Member(name) is { Kind: not JsonValueKind.Null } found ? found : null;

    public IEnumerable<(string Name, JsonCursor Value)> Members()
    {
        if (Kind != JsonValueKind.Object)
            throw Expected("an object");
        foreach (JsonProperty property in _element.EnumerateObject())
        {
            string name = NameOf(property);
            yield return (name, new JsonCursor(property.Value, _file, this, name));
        }
    }

    public IEnumerable<JsonCursor> Items()
    {
        if (Kind != JsonValueKind.Array)
            throw Expected("a list");
        int index = 0;
        foreach (JsonElement item in _element.EnumerateArray())
            yield return new JsonCursor(item, _file, this, null, index++);
    }

    public string Text()
    {
        if (Kind != JsonValueKind.String)
            throw Expected("a text");
        try
        {
            return _element.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Error("holds broken Unicode");
        }
    }

    public bool Flag() => Kind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Expected("true or false"),
    };

    /// <summary>A whole number within bounds; <c>4.0</c> is one too.</summary>
    public long Integer(long least = long.MinValue, long most = long.MaxValue)
    {
        if (Kind == JsonValueKind.Number)
        {
            if (!_element.TryGetInt64(out long value) && _element.TryGetDouble(out double number)
                && Math.Abs(number) < 1L << 53 && Math.Floor(number) == number)
            {
                value = (long)number;
            }
            else if (!_element.TryGetInt64(out value))
            {
                throw Expected(Describe(least, most));
            }
            if (value >= least && value <= most)
                return value;
        }
        throw Expected(Describe(least, most));
    }

    public int Int(int least = int.MinValue, int most = int.MaxValue) => (int)Integer(least, most);

    /// <summary>A whole number from 1 up.</summary>
    public int Positive() => Int(1);

    /// <summary>A finite number.</summary>
    public double Number() =>
        Kind == JsonValueKind.Number && _element.TryGetDouble(out double value) && double.IsFinite(value)
            ? value : throw Expected("a number");

    public string Text(string name, string otherwise) => Find(name)?.Text() ?? otherwise;

    public bool Flag(string name, bool otherwise) => Find(name)?.Flag() ?? otherwise;

    public int Int(string name, int otherwise) => Find(name)?.Int() ?? otherwise;

    public double Number(string name, double otherwise) => Find(name)?.Number() ?? otherwise;

    /// <summary>The complaint that this value is not what it should be.</summary>
    public ModelFileException Expected(string what) => Error($"expected {what}, found {Shown()}");

    /// <summary>Any other complaint about this value.</summary>
    public ModelFileException Error(string problem)
    {
        string path = Path;
        return new ModelFileException(_file, path.Length == 0 ? problem : $"{Shorten(path)}: {problem}");
    }

    private JsonCursor? Member(string name)
    {
        if (Kind != JsonValueKind.Object)
            throw Expected("an object");
        return _element.TryGetProperty(name, out JsonElement value) ? new JsonCursor(value, _file, this, name) : null;
    }

    private string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            throw Error("a name in it holds broken Unicode");
        }
    }

    private string Shown() => Kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.Undefined => "nothing",
        _ => Shorten(_element.GetRawText()),
    };

    private static string Describe(long least, long most) => (least, most) switch
    {
        (1, int.MaxValue or long.MaxValue) => "a positive integer",
        (int.MinValue or long.MinValue, int.MaxValue or long.MaxValue) => "an integer",
        (_, int.MaxValue or long.MaxValue) => $"an integer from {least} up",
        _ => $"an integer from {least} to {most}",
    };

    private static string Shorten(string text)
    {
        string line = string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
        return line.Length <= 80 ? line : string.Concat(line.AsSpan(0, 77), "...");
    }

    private static string FirstSentence(string message)
    {
        int end = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        string text = end < 0 ? message : message[..end];
        return string.Concat(text.TrimEnd(' ', '.').Select(c => char.IsControl(c) ? ' ' : c));
    }

    private static int ValidBytes(ReadOnlySpan<byte> utf8)
    {
        int at = 0;
        while (Rune.DecodeFromUtf8(utf8[at..], out _, out int length) == System.Buffers.OperationStatus.Done)
            at += length;
        return at;
    }

    private static long? OffsetOf(ReadOnlySpan<byte> utf8, JsonException e)
    {
        if (e.LineNumber is not { } line || e.BytePositionInLine is not { } column)
            return null;
        int at = 0;
        for (; line > 0; line--)
        {
            int newline = utf8[at..].IndexOf((byte)'\n');
            if (newline < 0)
                return null;
            at += newline + 1;
        }
        return at + column;
    }
}
