using Cleave.Data.Cleaning;
using Cleave.Numerics;

namespace Cleave.Data;

/// <summary>A task's items, cleaned and split.</summary>
public sealed class TaskDataset
{
    private TaskDataset(TaskSource source) => Source = source;

    public TaskSource Source { get; }
    public IReadOnlyList<Example> Train { get; private init; } = [];

    /// <summary>Held out of training for choices: early stopping, thresholds, recipes.</summary>
    public IReadOnlyList<Example> Validation { get; private init; } = [];

    /// <summary>For the final verdict only.</summary>
    public IReadOnlyList<Example> Test { get; private init; } = [];

    /// <summary>The labels of the training items (of their spans, for <see cref="TaskKind.Extract"/>), in ordinal
    /// order.</summary>
    public IReadOnlyList<string> Labels { get; private init; } = [];

    public required CleaningReport Report { get; init; }

    /// <summary>
    /// Reads, cleans and splits. In this order: rows without text or label are dropped; exact duplicates leave the training
    /// items; without test files a stratified share of the items becomes the test set; training items whose text (lower
    /// case, white space folded) is also in the test set or in a validation file leave; without validation files a stratified
    /// share of the rest becomes the validation set.
    /// Items that are near duplicates of each other fall on one side. The seed and the files decide everything.
    /// </summary>
    /// <exception cref="DataFileException">One file cannot be read.</exception>
    /// <exception cref="DatasetException">Anything else is wrong, or several things are; all are reported together.</exception>
    public static TaskDataset Load(TaskSource source, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(source);
        CheckFractions(source);
        var problems = new ProblemList();
        var builder = new ExampleBuilder(source, problems);
        var reader = new SourceReader(source, builder, problems);
        (List<Example> train, long trainRows) = reader.Read(source.Train, source.TrainRows, For("train-rows"));
        (List<Example> test, long testRows) = reader.Read(source.Test, source.TestRows, For("test-rows"));
        (List<Example> validation, _) = reader.Read(source.Validation, null, For("validation-rows"));
        builder.Finish();
        problems.ThrowIfAny(source.Name);

        int duplicates = train.Count;
        train = [.. train.DistinctBy(TextKeys.Exact)];
        duplicates -= train.Count;
        if (source.Test.Count == 0)
            (train, test) = Part(train, source.TestFraction, For("test"));
        var inTest = new HashSet<string>(test.Select(TextKeys.Input), StringComparer.Ordinal);
        validation = [.. validation.DistinctBy(TextKeys.Exact).Where(e => !inTest.Contains(TextKeys.Input(e)))];
        inTest.UnionWith(validation.Select(TextKeys.Input));
        int overlap = train.RemoveAll(e => inTest.Contains(TextKeys.Input(e)));
        Validate.Sides(source, train, test, "test", problems);
        if (source.Validation.Count > 0)
            Validate.Sides(source, train, validation, "validation", problems);
        problems.ThrowIfAny(source.Name);

        int[] groups = NearDuplicates.Groups(train);
        List<Example> rest = train;
        if (source.Validation.Count == 0)
            (rest, validation) = Part(train, groups, source.ValidationFraction, For("validation"));
        return new TaskDataset(source)
        {
            Train = rest,
            Validation = validation,
            Test = test,
            Labels = [.. train.SelectMany(Validate.LabelsOf).Distinct().Order(StringComparer.Ordinal)],
            Report = Summary.Of(rest, validation, test) with
            {
                Files = reader.Files,
                TrainRowsRead = trainRows,
                TestRowsRead = testRows,
                Dropped = builder.Dropped,
                TrainDuplicates = duplicates,
                TrainAlsoInTest = overlap,
                NearDuplicates = train.Count - groups.CountBy(g => g).Count(g => g.Value == 1),
            },
        };

        Rng For(string purpose) => Rng.For(seed, $"data/{source.Name}/{purpose}");
    }

    /// <summary>The same with other training items; what a model is measured by, and the labels, stay.</summary>
    /// <param name="train">Of the labels that there are.</param>
    public TaskDataset WithTraining(IReadOnlyList<Example> train)
    {
        ArgumentNullException.ThrowIfNull(train);
        return new TaskDataset(Source) { Train = train, Validation = Validation, Test = Test, Labels = Labels, Report = Report };
    }

    /// <summary>Refuses data of which nothing could be held out for choices.</summary>
    /// <param name="what">What looks at the validation items.</param>
    /// <exception cref="DatasetException">There are no validation items.</exception>
    public void RequireValidation(string what)
    {
        if (Validation.Count == 0)
            throw new DatasetException(Source.Name, [$"{what} needs validation items, and none could be held out of {Train.Count} training items (those that are nearly the same stay together); give more items, or a file of validation items"]);
    }

    private static void CheckFractions(TaskSource source)
    {
        if (source.ValidationFraction is not (> 0 and < 1) || source.TestFraction is not (> 0 and < 1))
            throw new ArgumentException("a share that is held out lies between 0 and 1", nameof(source));
        if (source.TrainRows <= 0 || source.TestRows <= 0)
            throw new ArgumentException("a limit on rows is positive", nameof(source));
    }

    private static (List<Example> Kept, List<Example> Held) Part(List<Example> items, double fraction, Rng rng) =>
        Part(items, NearDuplicates.Groups(items), fraction, rng);

    private static (List<Example> Kept, List<Example> Held) Part(List<Example> items, int[] groups, double fraction, Rng rng)
    {
        bool[] held = Split.HoldOut([.. items.Select(Stratum)], groups, fraction, rng);
        return ([.. items.Where((_, i) => !held[i])], [.. items.Where((_, i) => held[i])]);
    }

    /// <summary>Items are spread by label; those of extraction by whether there is anything to find.</summary>
    private static string Stratum(Example e) => e.Label ?? (e.Spans.Count > 0 ? "+" : "");
}
