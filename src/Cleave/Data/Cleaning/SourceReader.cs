using Cleave.Data.Reading;
using Cleave.Numerics;

namespace Cleave.Data.Cleaning;

/// <summary>Reads one side of a task (train or test): files, a seeded sample of their rows, examples.</summary>
internal sealed class SourceReader(TaskSource source, ExampleBuilder builder, ProblemList problems)
{
    public List<SourceFile> Files { get; } = [];

    /// <summary>The examples in file order, and how many rows were read.</summary>
    public (List<Example> Examples, long Rows) Read(IReadOnlyList<string> patterns, int? limit, Rng rng)
    {
        var kept = new List<(long Number, Row Row)>();
        long rows = 0;
        foreach (string path in Expand(patterns))
        {
            try
            {
                long before = rows;
                foreach (Row row in Rows(path))
                    Sample(kept, (rows++, row), limit, rng);
                Files.Add(new SourceFile(path, new FileInfo(path).Length, DataFile.Sha256(path), rows - before));
            }
            catch (DataFileException e)
            {
                problems.Add(e);
            }
        }
        kept.Sort((a, b) => a.Number.CompareTo(b.Number));
        return ([.. kept.Select(k => builder.Build(k.Row)).OfType<Example>()], rows);
    }

    private IReadOnlyList<string> Expand(IReadOnlyList<string> patterns)
    {
        try
        {
            return FilePattern.Expand(patterns, source.BaseFolder);
        }
        catch (DataFileException e)
        {
            problems.Add(e);
            return [];
        }
    }

    /// <summary>The file's rows; an error at its end where a column that the task needs is in none of them.</summary>
    private IEnumerable<Row> Rows(string path)
    {
        if (source.Kind == TaskKind.LanguageModel && DataFile.FormatOf(path) == DataFormat.Text)
        {
            foreach ((string text, long line) in Corpus.ReadFile(path, DocumentBoundary.BlankLine, RowReader.TextColumn))
                yield return new Row(path, line, [RowReader.TextColumn], [text]);
            yield break;
        }
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var order = new List<string>();
        IReadOnlyList<string>? last = null;
        foreach (Row row in RowReader.Read(path, source.Header))
        {
            if (!ReferenceEquals(last, row.Names))
                order.AddRange(row.Names.Where(seen.Add));
            last = row.Names;
            yield return row;
        }
        foreach (string column in builder.Required().Where(c => !seen.Contains(c)))
            problems.Add($"{path}: has no column '{column}'; {Suggest.Hint(column, order)}");
        if (source is { Kind: TaskKind.Extract, Answer: null, Spans: null } && !seen.Contains("answer") && !seen.Contains("spans"))
            problems.Add($"{path}: has neither a column 'answer' nor 'spans'; its columns are {string.Join(", ", order)}");
    }

    /// <summary>Reservoir sampling (Vitter's algorithm R): each row is kept with the same chance.</summary>
    private static void Sample(List<(long, Row)> kept, (long Number, Row Row) next, int? limit, Rng rng)
    {
        if (limit is not { } most || kept.Count < most)
        {
            kept.Add(next);
            return;
        }
        int slot = rng.NextInt((int)Math.Min(next.Number + 1, int.MaxValue));
        if (slot < most)
            kept[slot] = next;
    }
}
