using System.Text;

namespace Cleave.Data.Reading;

/// <summary>What CSV and TSV share: a header, rows of its width.</summary>
internal static class Tables
{
    /// <summary>Tab-separated values: no quoting, so a quote is a character and a field holds neither tab nor line end.</summary>
    public static IEnumerable<Row> ReadTabs(string file, Utf8Lines lines, bool header)
    {
        string[]? names = null;
        while (Split(lines, out string[] fields))
        {
            if (fields is [""])
                continue;
            if (names is null)
            {
                names = Names(file, header, fields, lines.Line);
                if (header)
                    continue;
            }
            CheckWidth(file, names, fields.Length, lines.Line);
            yield return new Row(file, lines.Line, names, fields);
        }
    }

    /// <summary>The column names: the header's, or <c>1</c>, <c>2</c> … where there is none.</summary>
    public static string[] Names(string file, bool header, string[] first, long line)
    {
        if (!header)
            return [.. Enumerable.Range(1, first.Length).Select(i => i.ToString())];
        string[] names = [.. first.Select(n => n.Trim())];
        string? twice = names.Where(n => n.Length > 0).GroupBy(n => n).FirstOrDefault(g => g.Count() > 1)?.Key;
        return twice is null ? names
            : throw new DataFileException(file, $"the header names '{twice}' twice; rename one of them", line);
    }

    public static void CheckWidth(string file, string[] names, int width, long line)
    {
        if (width != names.Length)
            throw new DataFileException(file, $"has {width} fields where the first line has {names.Length}", line);
    }

    private static bool Split(Utf8Lines lines, out string[] fields)
    {
        bool more = lines.Next(out ReadOnlySpan<byte> line);
        fields = more ? Encoding.UTF8.GetString(line).Split('\t') : [];
        return more;
    }
}
