namespace Cleave.Data;

/// <summary>Where a task's items are and which columns hold what.</summary>
public sealed record TaskSource
{
    public required string Name { get; init; }
    public required TaskKind Kind { get; init; }

    /// <summary>Paths or patterns; <c>.jsonl .csv .tsv .txt</c>, each also with <c>.gz</c>.</summary>
    public required IReadOnlyList<string> Train { get; init; }

    /// <summary>As <see cref="Train"/>; where empty, a part of the training items becomes the test set.</summary>
    public IReadOnlyList<string> Test { get; init; } = [];

    /// <summary>What relative paths are relative to; empty for the current folder.</summary>
    public string BaseFolder { get; init; } = "";

    /// <summary>A column, or a template over columns such as <c>{title}: {body}</c>.</summary>
    public string Text { get; init; } = "text";

    /// <summary>The column with the class (<see cref="TaskKind.Classify"/>).</summary>
    public string Label { get; init; } = "label";

    /// <summary>A column or template with the text to write (<see cref="TaskKind.Generate"/>).</summary>
    public string Target { get; init; } = "target";

    /// <summary>A column or template with a worse answer than the target, for learning preferences (<see cref="TaskKind.Generate"/>); null where there is none.</summary>
    public string? Rejected { get; init; }

    /// <summary>A column or template with the question (<see cref="TaskKind.Extract"/>); null for the column
    /// <c>question</c> where there is one.</summary>
    public string? Question { get; init; }

    /// <summary>The column with the exact words to find, blank where there are none (<see cref="TaskKind.Extract"/>); null
    /// for the column <c>answer</c> where there is one and <see cref="Spans"/> is null.</summary>
    public string? Answer { get; init; }

    /// <summary>The column with a JSON list of <c>[start, end, label]</c> (<see cref="TaskKind.Extract"/>); null for the
    /// column <c>spans</c> where no answer column is used.</summary>
    public string? Spans { get; init; }

    /// <summary>At most this many training rows, a seeded sample; null for all.</summary>
    public int? TrainRows { get; init; }

    /// <summary>At most this many test rows, a seeded sample; null for all.</summary>
    public int? TestRows { get; init; }

    /// <summary>Files of validation items, or none for a share of the training items.</summary>
    public IReadOnlyList<string> Validation { get; init; } = [];

    /// <summary>The share of the training items that becomes the validation set where <see cref="Validation"/> is empty.</summary>
    public double ValidationFraction { get; init; } = 0.15;

    /// <summary>The share of the items that becomes the test set where <see cref="Test"/> is empty.</summary>
    public double TestFraction { get; init; } = 0.20;

    /// <summary>Whether the first line of a CSV or TSV names the columns; if not they are called <c>1</c>, <c>2</c> ….</summary>
    public bool Header { get; init; } = true;
}
