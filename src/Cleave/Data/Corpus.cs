using System.Text;
using Cleave.Data.Reading;
using Cleave.Formats;

namespace Cleave.Data;

/// <summary>How a plain text file is cut into documents.</summary>
public enum DocumentBoundary
{
    /// <summary>One or more blank lines end a document.</summary>
    BlankLine,

    /// <summary>The file is one document, at most <see cref="DataFile.MaxRowBytes"/> long.</summary>
    WholeFile,

    /// <summary>Each line that is not blank is a document.</summary>
    Line,
}

/// <summary>Streams the documents of a corpus for language modelling.</summary>
public static class Corpus
{
    /// <summary>
    /// The documents of every file, in order: for <c>.txt</c> as <paramref name="boundary"/> says (line ends become LF),
    /// for the other formats one column. Blank documents are skipped.
    /// </summary>
    /// <param name="column">The column of <c>.jsonl .csv .tsv</c> files.</param>
    /// <exception cref="DataFileException">A file is missing, malformed or lacks the column.</exception>
    public static IEnumerable<string> Read(IEnumerable<string> pathsOrPatterns,
        DocumentBoundary boundary = DocumentBoundary.BlankLine, string column = "text", string baseFolder = "")
    {
        foreach (string path in FilePattern.Expand(pathsOrPatterns, baseFolder))
        {
            foreach ((string text, long _) in ReadFile(path, boundary, column))
                yield return text;
        }
    }

    /// <summary>The documents of one file, each with the line it starts on.</summary>
    internal static IEnumerable<(string Text, long Line)> ReadFile(string path, DocumentBoundary boundary, string column)
    {
        if (DataFile.FormatOf(path) == DataFormat.Text && boundary != DocumentBoundary.Line)
            return Documents(path, boundary == DocumentBoundary.WholeFile);
        return Column(path, column);
    }

    private static IEnumerable<(string Text, long Line)> Column(string path, string column)
    {
        bool seen = false;
        Row? last = null;
        foreach (Row row in RowReader.Read(path))
        {
            last = row;
            seen |= row.Has(column);
            if (row[column] is { } text && !string.IsNullOrWhiteSpace(text))
                yield return (text, row.Line);
        }
        if (!seen)
            throw new DataFileException(path, $"has no column '{column}'; {Suggest.Hint(column, [.. last!.Names])}");
    }

    private static IEnumerable<(string Text, long Line)> Documents(string path, bool whole)
    {
        using var lines = new Utf8Lines(path, DataFile.Open(path));
        var document = new StringBuilder();
        long start = 1;
        while (Next(lines, out string line))
        {
            bool blank = string.IsNullOrWhiteSpace(line);
            if (document.Length == 0)
            {
                if (blank)
                    continue;
                start = lines.Line;
            }
            if (blank && !whole)
            {
                yield return (document.ToString(), start);
                document.Clear();
                continue;
            }
            if (document.Length + line.Length > DataFile.MaxRowBytes)
            {
                throw new DataFileException(path,
                    $"the document is longer than {DataFile.MaxRowBytes >> 20} MB; cut it with blank lines", start);
            }
            if (document.Length > 0)
                document.Append('\n');
            document.Append(line);
        }
        if (lines.Line == 0)
            throw new DataFileException(path, "the file is empty");
        if (document.Length > 0)
            yield return (document.ToString(), start);
    }

    private static bool Next(Utf8Lines lines, out string text)
    {
        bool more = lines.Next(out ReadOnlySpan<byte> line);
        text = more ? Encoding.UTF8.GetString(line) : "";
        return more;
    }
}
