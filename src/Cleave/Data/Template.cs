using Cleave.Data.Reading;

namespace Cleave.Data;

/// <summary>
/// A column name, or a text with columns in braces such as <c>{title}: {body}</c>; <c>{{</c> and <c>}}</c> are braces.
/// </summary>
public sealed class Template
{
    private readonly List<(string Text, bool IsColumn)> _parts = [];

    private Template(string source) => Source = source;

    /// <summary>What was parsed.</summary>
    public string Source { get; }

    /// <summary>The columns that it reads, in order of appearance.</summary>
    public IReadOnlyList<string> Columns => [.. _parts.Where(p => p.IsColumn).Select(p => p.Text).Distinct()];

    /// <exception cref="CleaveException">A brace is not closed, not opened, or empty.</exception>
    public static Template Parse(string source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var template = new Template(source);
        if (!source.AsSpan().ContainsAny('{', '}'))
        {
            template._parts.Add((source, true));
            return template;
        }
        if (Braces.Split(source) is not { } parts)
            throw Malformed(source);
        template._parts.AddRange(parts);
        return template.Columns.Count > 0 ? template : throw Malformed(source);
    }

    /// <summary>The text for a row, null where every column is missing or blank (a missing one among others is empty).</summary>
    public string? Render(Row row)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (_parts.TrueForAll(p => !p.IsColumn || string.IsNullOrWhiteSpace(row[p.Text])))
            return null;
        return _parts.Count == 1 ? row[_parts[0].Text] : string.Concat(_parts.Select(p => p.IsColumn ? row[p.Text] : p.Text));
    }

    private static CleaveException Malformed(string source) =>
        new($"the template '{source}' is malformed: write a column as {{name}}, a brace as {{{{ or }}}}");
}
