using System.Text.Json.Nodes;

namespace Cleave.Data;

/// <summary>A file that was read, as it is stored.</summary>
public sealed record SourceFile(string Path, long Bytes, string Sha256, long Rows);

/// <summary>Rows left out for one reason; <paramref name="First"/> is the first one's <c>file:line</c>.</summary>
public sealed record DroppedRows(string Reason, int Count, string First);

/// <summary>How many items of each part carry a label (for spans: how many spans).</summary>
public sealed record LabelCount(string Label, int Train, int Validation, int Test);

/// <summary>Quantiles of the training texts' lengths in UTF-16 units (the smallest length with at least that share at or
/// below it).</summary>
public sealed record LengthQuantiles(int Min, int P25, int Median, int P75, int P95, int Max);

/// <summary>What was read, what was left out and why, and what is left.</summary>
public sealed record CleaningReport
{
    public required IReadOnlyList<SourceFile> Files { get; init; }
    public required long TrainRowsRead { get; init; }
    public required long TestRowsRead { get; init; }

    /// <summary>Rows of both sources that lack what the task needs, by reason.</summary>
    public required IReadOnlyList<DroppedRows> Dropped { get; init; }

    /// <summary>Training items equal in text, question and answer to an earlier one: removed.</summary>
    public required int TrainDuplicates { get; init; }

    /// <summary>Test items equal in text, question and answer to an earlier one: kept, as the test set's authors meant
    /// it.</summary>
    public required int TestDuplicates { get; init; }

    /// <summary>Training items whose normalised text (and question) is also in the test set: removed.</summary>
    public required int TrainAlsoInTest { get; init; }

    /// <summary>Normalised training texts that carry more than one label: kept.</summary>
    public required int ConflictingTexts { get; init; }

    /// <summary>Training and validation items that have a near duplicate; such items are kept on one side of every
    /// split.</summary>
    public required int NearDuplicates { get; init; }

    /// <summary>Sorted by label; empty for kinds without labels.</summary>
    public required IReadOnlyList<LabelCount> Labels { get; init; }

    /// <summary>The most frequent training label's count over the least frequent one's; 1 without labels.</summary>
    public required double ImbalanceRatio { get; init; }

    public required LengthQuantiles TextLength { get; init; }
    public required int Train { get; init; }
    public required int Validation { get; init; }
    public required int Test { get; init; }

    /// <summary>The report as JSON, in a fixed order.</summary>
    public JsonObject ToJson() => new()
    {
        ["files"] = new JsonArray([.. Files.Select(f => new JsonObject
        {
            ["path"] = f.Path,
            ["bytes"] = f.Bytes,
            ["sha256"] = f.Sha256,
            ["rows"] = f.Rows,
        })]),
        ["train_rows_read"] = TrainRowsRead,
        ["test_rows_read"] = TestRowsRead,
        ["dropped"] = new JsonArray([.. Dropped.Select(d => new JsonObject
        {
            ["reason"] = d.Reason,
            ["count"] = d.Count,
            ["first"] = d.First,
        })]),
        ["train_duplicates"] = TrainDuplicates,
        ["test_duplicates"] = TestDuplicates,
        ["train_also_in_test"] = TrainAlsoInTest,
        ["conflicting_texts"] = ConflictingTexts,
        ["near_duplicates"] = NearDuplicates,
        ["train"] = Train,
        ["validation"] = Validation,
        ["test"] = Test,
        ["imbalance_ratio"] = ImbalanceRatio,
        ["text_length"] = new JsonObject
        {
            ["min"] = TextLength.Min,
            ["p25"] = TextLength.P25,
            ["median"] = TextLength.Median,
            ["p75"] = TextLength.P75,
            ["p95"] = TextLength.P95,
            ["max"] = TextLength.Max,
        },
        ["labels"] = new JsonArray([.. Labels.Select(l => new JsonObject
        {
            ["label"] = l.Label,
            ["train"] = l.Train,
            ["validation"] = l.Validation,
            ["test"] = l.Test,
        })]),
    };
}
