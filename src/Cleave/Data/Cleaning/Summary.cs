namespace Cleave.Data.Cleaning;

/// <summary>The counted part of a <see cref="CleaningReport"/>.</summary>
internal static class Summary
{
    public static CleaningReport Of(List<Example> train, List<Example> validation, List<Example> test)
    {
        LabelCount[] labels = Labels(train, validation, test);
        int[] trainCounts = [.. labels.Select(l => l.Train + l.Validation).Where(n => n > 0)];
        return new CleaningReport
        {
            Files = [],
            TrainRowsRead = 0,
            TestRowsRead = 0,
            Dropped = [],
            TrainDuplicates = 0,
            TestDuplicates = test.Count - test.DistinctBy(TextKeys.Exact).Count(),
            TrainAlsoInTest = 0,
            NearDuplicates = 0,
            ConflictingTexts = train.Concat(validation).GroupBy(TextKeys.Input, StringComparer.Ordinal)
                .Count(g => g.Select(TextKeys.Output).Distinct(StringComparer.Ordinal).Count() > 1),
            Labels = labels,
            ImbalanceRatio = trainCounts.Length == 0 ? 1 : (double)trainCounts.Max() / trainCounts.Min(),
            TextLength = Lengths([.. train.Concat(validation).Select(e => e.Text.Length).Order()]),
            Train = train.Count,
            Validation = validation.Count,
            Test = test.Count,
        };
    }

    private static LabelCount[] Labels(params List<Example>[] sides)
    {
        Dictionary<string, int>[] counts =
            [.. sides.Select(s => s.SelectMany(Validate.LabelsOf).CountBy(l => l).ToDictionary(StringComparer.Ordinal))];
        return [.. counts.SelectMany(c => c.Keys).Distinct().Order(StringComparer.Ordinal)
            .Select(l => new LabelCount(l, Of(0, l), Of(1, l), Of(2, l)))];

        int Of(int side, string label) => counts[side].GetValueOrDefault(label);
    }

    private static LengthQuantiles Lengths(int[] sorted)
    {
        return new LengthQuantiles(sorted[0], At(0.25), At(0.5), At(0.75), At(0.95), sorted[^1]);
        int At(double share) => sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Length) - 1)];
    }
}
