namespace Cleave.Data.Reading;

/// <summary>One record of a data file: ordered columns, each a name and a text or null.</summary>
/// <param name="file">The file as it was named.</param>
/// <param name="line">The record's first line, from 1.</param>
/// <param name="names">Column names, shared between the rows of a table.</param>
/// <param name="values">As many as names; a JSON value that is no string keeps its raw JSON text.</param>
public sealed class Row(string file, long line, IReadOnlyList<string> names, IReadOnlyList<string?> values)
{
    public string File { get; } = file;
    public long Line { get; } = line;
    public IReadOnlyList<string> Names { get; } = names;
    public IReadOnlyList<string?> Values { get; } = values;

    /// <summary><c>file:line</c>.</summary>
    public string Source => $"{File}:{Line}";

    /// <summary>The column's value; null where the row lacks the column or the value is null.</summary>
    public string? this[string name]
    {
        get
        {
            int at = IndexOf(name);
            return at < 0 ? null : Values[at];
        }
    }

    public bool Has(string name) => IndexOf(name) >= 0;

    private int IndexOf(string name)
    {
        for (int i = 0; i < Names.Count; i++)
        {
            if (string.Equals(Names[i], name, StringComparison.Ordinal))
                return i;
        }
        return -1;
    }
}
