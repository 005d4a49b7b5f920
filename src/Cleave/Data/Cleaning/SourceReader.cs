using Cleave.Data.Reading;
using Cleave.Formats;
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
        var unusable = new HashSet<string>(StringComparer.Ordinal);
        long rows = 0;
        foreach (string path in Expand(patterns))
        {
            try
            {
                long before = rows;
                var columns = new OrderedColumns();
                foreach (Row row in Rows(path, columns))
                    Sample(kept, (rows++, row), limit, rng);
                if (!HasColumns(path, columns))
                    unusable.Add(path);
                Files.Add(new SourceFile(path, new FileInfo(path).Length, DataFile.Sha256(path), rows - before));
            }
            catch (DataFileException e)
            {
                problems.Add(e);
            }
        }
        kept.Sort((a, b) => a.Number.CompareTo(b.Number));
        return ([.. kept.Where(k => !unusable.Contains(k.Row.File)).Select(k => builder.Build(k.Row)).OfType<Example>()], rows);
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

    private IEnumerable<Row> Rows(string path, OrderedColumns columns)
    {
        if (source.Kind == TaskKind.LanguageModel && DataFile.FormatOf(path) == DataFormat.Text)
        {
            IReadOnlyList<string> names = [RowReader.TextColumn];
            columns.Add(names);
            foreach ((string text, long line) in Corpus.ReadFile(path, DocumentBoundary.BlankLine, RowReader.TextColumn))
                yield return new Row(path, line, names, [text]);
            yield break;
        }
        foreach (Row row in RowReader.Read(path, source.Header))
        {
            columns.Add(row.Names);
            yield return row;
        }
    }

    /// <summary>Whether each column that the task needs is in some row of the file; notes those that are not.</summary>
    private bool HasColumns(string path, OrderedColumns columns)
    {
        bool all = true;
        foreach (string column in builder.Required().Where(c => !columns.Names.Contains(c)))
        {
            problems.Add($"{path}: has no column '{column}'; {Suggest.Hint(column, columns.Names)}");
            all = false;
        }
        bool undecided = source is { Kind: TaskKind.Extract, Answer: null, Spans: null };
        if (!undecided || columns.Names.Contains("answer") || columns.Names.Contains("spans"))
            return all;
        problems.Add($"{path}: has neither a column 'answer' nor 'spans'; "
            + $"its columns are {string.Join(", ", columns.Names)}");
        return false;
    }

    /// <summary>Every column name of a file's rows, in order of appearance.</summary>
    private sealed class OrderedColumns
    {
        private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
        private IReadOnlyList<string>? _last;

        public List<string> Names { get; } = [];

        public void Add(IReadOnlyList<string> names)
        {
            if (ReferenceEquals(_last, names))
                return;
            _last = names;
            Names.AddRange(names.Where(_seen.Add));
        }
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
