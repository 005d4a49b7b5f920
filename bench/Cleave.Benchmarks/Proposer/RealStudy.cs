using Cleave.Models.Bag;
using Cleave.Numerics;
using Cleave.Training.Bag;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;

namespace Cleave.Benchmarks.Proposer;

/// <summary>What random recipes of a real study came to.</summary>
/// <param name="Choices">For each parameter how many choices it has, or 0 for a number.</param>
internal sealed record RealStudy(int[] Choices, double[][] Points, double[] Values);

/// <summary>
/// Real studies that are cheap: an n-gram classifier of a public data set is trained by a recipe of seven parameters, one of them conditional, and judged
/// on texts that it has not seen.
/// </summary>
internal sealed class RealObjective
{
    private readonly LabelledTexts _train, _validation;
    private readonly int _classes;
    private readonly bool _errors;
    private readonly Dictionary<ParameterSet, double> _known = [];

    private RealObjective(string name, IEnumerable<(string Text, string Label)> items, int train, int validation, bool errors)
    {
        (string Text, string Label)[] all = [.. items];
        Rng.For(1, "real/" + name).Shuffle(all.AsSpan());
        string[] labels = [.. all.Select(i => i.Label).Distinct().Order(StringComparer.Ordinal)];
        (Name, _classes, _errors) = (name, labels.Length, errors);
        LabelledTexts Part(IEnumerable<(string Text, string Label)> part) => new([.. part.Select(i => i.Text)], [.. part.Select(i => Array.IndexOf(labels, i.Label))]);
        (_train, _validation) = (Part(all.Take(train)), Part(all.Skip(train).Take(validation)));
    }

    public string Name { get; }

    public static SearchSpace Space { get; } = new([
        new FloatParameter("learning_rate", 3e-4, 1e-1, log: true),
        new FloatParameter("dropout", 0, 0.9),
        new IntParameter("dim", 2, 16, log: true),
        new CategoricalParameter("head", ["linear", "hidden"]),
        new IntParameter("hidden", 8, 64, log: true, when: [new("head", "hidden")]),
        new CategoricalParameter("ngrams", ["words", "word-pairs", "characters", "both"]),
        new IntParameter("epochs", 1, 6),
    ]);

    /// <summary>Those that a proposer may learn from.</summary>
    public static RealObjective[] ToLearn(string data) => [
        new("cola", Tabbed(data, "glue-cola/train.tsv", 3, 1, 0), 300, 300, errors: false),
        new("mrpc", Tabbed(data, "glue-mrpc/msr-para-train.tsv", 4, 0, 1), 300, 300, errors: false),
        new("rte", Tabbed(data, "glue-rte/train.tsv", 1, 3, 1), 300, 300, errors: false),
    ];

    /// <summary>Those that it is measured on.</summary>
    public static RealObjective[] HeldOut(string data) => [
        new("banking77 loss", Quoted(data, "banking77/train.csv").Where(i => i.Label.StartsWith("card", StringComparison.Ordinal)), 300, 300, errors: false),
        new("sst2 error", Tabbed(data, "glue-sst2/train.tsv", 0, 1, 1).Where(i => i.Text.Length > 40), 300, 500, errors: true),
    ];

    /// <summary>The loss in nats, or the share of errors.</summary>
    public double At(ParameterSet recipe)
    {
        if (_known.TryGetValue(recipe, out double known))
            return known;
        string ngrams = recipe["ngrams"].AsText();
        var options = new BagTrainingOptions
        {
            Ngrams = new NgramOptions { MaxWordOrder = ngrams switch { "words" => 1, "characters" => 0, _ => 2 }, MaxCharOrder = ngrams is "characters" or "both" ? 3 : 0, Buckets = 1 << 14 },
            LearningRate = (float)recipe["learning_rate"].AsDouble(),
            FeatureDropout = (float)recipe["dropout"].AsDouble(),
            Dim = recipe["dim"].AsInt(),
            Hidden = recipe.TryGet("hidden", out ParameterValue hidden) ? hidden.AsInt() : 0,
            Epochs = recipe["epochs"].AsInt(),
        };
        BagEpoch last = BagTrainer.Train(options, _train, _classes, _validation).Epochs[^1];
        return _known[recipe] = _errors ? 1 - last.ValidationAccuracy : last.ValidationLoss;
    }

    /// <summary>Random recipes with their values.</summary>
    public RealStudy Sample(int recipes, ulong seed)
    {
        var study = new Study(new StudyDefinition(Name, Space, Direction.Minimize, seed), new RandomSampler());
        study.Run(run => At(run.Parameters), recipes);
        Trial[] complete = [.. study.Trials.Where(t => t.State == TrialState.Complete)];
        return new RealStudy([.. Space.Parameters.Select(p => p is CategoricalParameter c ? c.Choices.Count : 0)], [.. complete.Select(t => Point(t.Parameters!))], [.. complete.Select(t => t.Values[0])]);
    }

    private static double[] Point(ParameterSet set) => [.. Space.Parameters.Select(p => !set.TryGet(p.Name, out ParameterValue value) ? double.NaN
        : p is CategoricalParameter c ? c.IndexOf(value) : ((NumericParameter)p).ToUnit(value.AsDouble()))];

    private static IEnumerable<(string Text, string Label)> Tabbed(string data, string file, int text, int label, int header) => File.ReadLines(Path.Combine(data, file)).Skip(header)
        .Select(line => line.Split('\t')).Where(f => f.Length > Math.Max(text, label)).Select(f => (f[text], f[label]));

    /// <summary>Text and label, the text in quotes where it has a comma.</summary>
    private static IEnumerable<(string Text, string Label)> Quoted(string data, string file) => File.ReadLines(Path.Combine(data, file)).Skip(1)
        .Where(line => line.Contains(',')).Select(line => (line[..line.LastIndexOf(',')].Trim('"'), line[(line.LastIndexOf(',') + 1)..]));
}
