using System.Text;

namespace Cleave.Data.Reading;

/// <summary>Streams the rows of data files: <c>.jsonl .csv .tsv .txt</c>, each also with <c>.gz</c>.</summary>
public static class RowReader
{
    /// <summary>The one column of a plain text file: each line that is not blank is a row.</summary>
    public const string TextColumn = "text";

    /// <summary>
    /// The rows of one file, read as they are asked for. UTF-8 is checked strictly; a byte order mark and CR LF are
    /// accepted; blank lines are skipped. The first line of a CSV or TSV names the columns, unless
    /// <paramref name="header"/> is false: then they are called <c>1</c>, <c>2</c> ….
    /// </summary>
    /// <exception cref="DataFileException">The file is missing, empty, not UTF-8, cut short, or a row of it is malformed
    /// or longer than <see cref="DataFile.MaxRowBytes"/>; thrown while enumerating.</exception>
    public static IEnumerable<Row> Read(string path, bool header = true)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        DataFormat format = DataFile.FormatOf(path);
        using var lines = new Utf8Lines(path, DataFile.Open(path));
        IEnumerable<Row> rows = format switch
        {
            DataFormat.JsonLines => JsonRows.Read(path, lines),
            DataFormat.Csv => CsvRows.Read(path, lines, header),
            DataFormat.Tsv => Tables.ReadTabs(path, lines, header),
            _ => TextRows(path, lines),
        };
        bool any = false;
        foreach (Row row in rows)
        {
            any = true;
            yield return row;
        }
        if (!any)
            throw new DataFileException(path, lines.Line == 0 ? "the file is empty" : "the file holds no rows of data");
    }

    private static readonly string[] TextNames = [TextColumn];

    private static IEnumerable<Row> TextRows(string path, Utf8Lines lines)
    {
        while (TextLine(lines, out string text))
        {
            if (!string.IsNullOrWhiteSpace(text))
                yield return new Row(path, lines.Line, TextNames, [text]);
        }
    }

    private static bool TextLine(Utf8Lines lines, out string text)
    {
        bool more = lines.Next(out ReadOnlySpan<byte> line);
        text = more ? Encoding.UTF8.GetString(line) : "";
        return more;
    }
}
