using Cleave.Numerics;
using Cleave.Splitting.Report;

namespace Cleave.Tests.Splitting.Report;

/// <summary>A made-up split, of the size and shape of a real one: no number in it was measured.</summary>
public static class ReportFixture
{
    public static ReportModel Realistic() => Of(
        Classify("intent", 77, trials: 200, passed: true),
        Classify("sentiment", 2, trials: 24, passed: true),
        Extract("slots"),
        LanguageModel("reply"));

    public static ReportModel Of(params ReportTask[] tasks) => new()
    {
        Project = "support-desk (test fixture)",
        Base = "starter",
        Seed = 7,
        Command = "cleave split samples/support-desk --seed 7 --threads 2 --out release",
        Machine = new ReportMachine("Fixture CPU, AVX2", 2, 2, TimeSpan.FromSeconds(754)),
        ManifestHash = new string('a', 32) + new string('7', 32),
        Files =
        [
            new ReportFile("data/intent.train.jsonl", new string('b', 64), 9003),
            new ReportFile("data/intent.test.jsonl", new string('c', 64), 3080),
        ],
        Tasks = tasks,
        Totals = new ReportTotals(tasks[0].Monolith.Bytes, tasks.Sum(t => t.Module.Bytes), 9.04),
        Router = tasks.Length > 1 ? new ReportRouter(new Estimate(0.987, 0.982, 0.991), 3200, 11.6) : null,
        Warnings = ["A bag of words beats the module of slots: 81.4% against 79.9%."],
    };

    public static ReportTask Classify(string name, int labels, int trials, bool passed)
    {
        var rng = Rng.For(7, name);
        string[] names = [.. Enumerable.Range(0, labels).Select(i => labels == 2 ? (i == 0 ? "negative" : "positive") : Intent(i))];
        return Base(name, "classify", "macro-f1", 0.01) with
        {
            Monolith = Side(0.921, 3080, 4.9, 48_200_000, 24_100_000) with
            {
                StudyQuality = 0.925,
                StudyNanoseconds = 4.6e6,
                Confusion = Confusion(rng, names, 0.08),
            },
            Module = Side(passed ? 0.918 : 0.902, 3080, 0.42, 3_020_000, 5_800_000) with { Confusion = Confusion(rng, names, 0.085) },
            Certificate = Certificate(passed ? -0.003 : -0.019, passed ? -0.0074 : -0.026, 0.01, 3080, passed),
            Baselines =
            [
                new ReportBaseline("words and characters, logistic", new Estimate(0.902, 0.891, 0.912)),
                new ReportBaseline("commonest label", new Estimate(0.61, 0.592, 0.628)),
            ],
            Calibration = Calibration(rng),
            Escalation = new ReportEscalation(0.62, 0.043, new Estimate(0.924, 0.914, 0.933)),
            Study = Study(rng, trials),
            Cleaning = new ReportCleaning(9003, 0, 41, 12, 7, [.. names.Select(n => new LabelCount(n, 60 + rng.NextInt(130)))]),
            Examples = Examples(names),
        };
    }

    public static ReportTask Extract(string name)
    {
        var rng = Rng.For(7, name);
        string[] labels = ["city", "date", "price", "time", "party size", "restaurant"];
        LabelScore[] Scores(double level) => [.. labels.Select(l =>
        {
            double p = level + 0.15 * rng.NextDouble(), r = level + 0.12 * rng.NextDouble();
            return new LabelScore(l, p, r, 2 * p * r / (p + r), 80 + rng.NextInt(300));
        })];
        return Base(name, "extract", "token-f1", 0.01) with
        {
            Monolith = Side(0.838, 1200, 5.1, 48_200_000, 24_100_000) with { StudyQuality = 0.84, StudyNanoseconds = 4.7e6, Labels = Scores(0.76) },
            Module = Side(0.799, 1200, 0.61, 4_150_000, 7_900_000) with { Labels = Scores(0.7) },
            Certificate = Certificate(-0.039, -0.052, 0.01, 1200, passed: false),
            Baselines = [new ReportBaseline("bag of words", new Estimate(0.814, 0.794, 0.833))],
            Study = Study(rng, 24),
            Cleaning = new ReportCleaning(4800, 3, 0, 0, 0, [.. labels.Select((l, i) => new LabelCount(l, 900 / (i + 1)))]),
            Examples =
            [
                new ReportExample("a table for four in Lyon tomorrow at eight", "four [party size], Lyon [city]", "four [party size], Lyon [city]", true, "Lyon [city]", false),
                new ReportExample("something cheap near the station", "cheap [price]", "cheap [price]", true, "cheap [price]", true),
            ],
        };
    }

    public static ReportTask LanguageModel(string name)
    {
        var rng = Rng.For(7, name);
        return Base(name, "language-model", "perplexity", 0.25) with
        {
            HigherIsBetter = false,
            Monolith = Side(12.84, 900, 18.2, 48_200_000, 24_100_000) with { Quality = new Estimate(12.84, 12.31, 13.4) },
            Module = Side(12.91, 900, 3.05, 6_730_000, 12_400_000) with { Quality = new Estimate(12.91, 12.36, 13.5) },
            Certificate = Certificate(-0.07, -0.16, 0.25, 900, passed: true),
            Study = Study(rng, 1) with { Sampler = "random" },
        };
    }

    /// <summary>The least that a task can have: no intervals, no study, no data facts.</summary>
    public static ReportTask Bare(string name) => new()
    {
        Name = name,
        Kind = "classify",
        Metric = "accuracy",
        Margin = 0,
        Monolith = new ReportSide { Quality = new Estimate(1), Items = 1, MillisecondsPerItem = 1, Bytes = 1, Parameters = 1 },
        Module = new ReportSide { Quality = new Estimate(1), Items = 1, MillisecondsPerItem = 1, Bytes = 1, Parameters = 1 },
        Certificate = Certificate(0, 0, 0, 1, passed: true),
    };

    private static ReportTask Base(string name, string kind, string metric, double margin)
    {
        var rng = Rng.For(7, name + kind);
        return new ReportTask
        {
            Name = name,
            Kind = kind,
            Metric = metric,
            Margin = margin,
            Monolith = Side(0.9, 1000, 5, 48_200_000, 24_100_000),
            Module = Side(0.9, 1000, 0.5, 3_000_000, 5_000_000),
            Certificate = Certificate(0, -0.005, margin, 1000, passed: true),
            Recipe =
            [
                new NamedValue("layers kept", "4 of 12"), new NamedValue("width kept", "75%"), new NamedValue("bits", "8"),
                new NamedValue("distillation", "0.7 at temperature 2"), new NamedValue("adapter rank", "full"),
                new NamedValue("learning rate", "3.1e-4"), new NamedValue("epochs", "6"),
            ],
            Curves =
            [
                new LearningCurve("module", CurveRole.Module, "step", Curve(rng, 60, 1.1)),
                new LearningCurve("monolith", CurveRole.Monolith, "step", Curve(rng, 40, 0.8)),
            ],
        };
    }

    private static CurvePoint[] Curve(Rng rng, int points, double level) =>
        [.. Enumerable.Range(1, points).Select(i => new CurvePoint(i * 25,
            level * (0.25 + 3 * Math.Exp(-i / (7 + 4 * level))) + 0.05 * rng.NextDouble(),
            i % 5 == 0 ? 0.945 - 0.02 * level - 0.4 * Math.Exp(-i / (5 + 5 * level)) : null))];

    private static ReportSide Side(double quality, int items, double ms, long bytes, long parameters) => new()
    {
        Quality = new Estimate(quality, quality - 0.0098, Math.Min(1, quality + 0.0094)),
        Items = items,
        MillisecondsPerItem = ms,
        Bytes = bytes,
        Parameters = parameters,
    };

    private static ReportCertificate Certificate(double difference, double bound, double margin, int items, bool passed) => new()
    {
        Method = "paired bootstrap, 10,000 resamples",
        Difference = difference,
        LowerBound = bound,
        Margin = margin,
        Confidence = 0.95,
        PValue = passed ? 0.00004 : 0.71,
        Items = items,
        Passed = passed,
        Sentence = passed ? "The module is not worse than the monolith by more than the margin."
            : "The module may be worse than the monolith by more than the margin.",
    };

    private static ReportCalibration Calibration(Rng rng)
    {
        var bins = Enumerable.Range(0, 10).Select(i => new ReliabilityBin(0.05 + 0.1 * i,
            Math.Clamp(0.05 + 0.1 * i - 0.04 + 0.08 * rng.NextDouble(), 0, 1), i == 0 ? 0 : i * i * 12));
        return new ReportCalibration(0.021, [.. bins]);
    }

    public static ReportStudy Study(Rng rng, int count)
    {
        var trials = new List<ReportTrial>();
        for (int i = 0; i < count; i++)
        {
            int layers = 1 + rng.NextInt(12), bits = rng.NextInt(2) == 0 ? 4 : 8;
            double width = 0.25 + 0.25 * rng.NextInt(4);
            double cost = 9e4 * layers * width * width * (0.7 + bits / 16.0) + 4e4;
            double quality = 0.93 - 0.12 / (layers * width * (bits / 8.0 + 0.5)) - 0.02 * rng.NextDouble();
            ReportTrialState state = count > 1 && i % 11 == 5 ? ReportTrialState.Failed
                : count > 1 && i % 4 == 3 ? ReportTrialState.Stopped : ReportTrialState.Complete;
            trials.Add(new ReportTrial
            {
                Number = i,
                State = state,
                Recipe = [new NamedValue("layers", $"{layers}"), new NamedValue("width", $"{width:0.00}"), new NamedValue("bits", $"{bits}")],
                Quality = state == ReportTrialState.Failed ? null : state == ReportTrialState.Stopped ? quality - 0.2 * rng.NextDouble() : quality,
                NanosecondsPerItem = state == ReportTrialState.Failed ? null : cost,
                Bytes = state == ReportTrialState.Failed ? null : (long)(cost * 12),
                Note = state == ReportTrialState.Failed ? "the loss is not finite at step 40" : "",
            });
        }
        return WithFront(trials);
    }

    private static ReportStudy WithFront(List<ReportTrial> trials)
    {
        bool Beats(ReportTrial a, ReportTrial b) => a.State == ReportTrialState.Complete && a.Quality >= b.Quality
            && a.NanosecondsPerItem <= b.NanosecondsPerItem && (a.Quality > b.Quality || a.NanosecondsPerItem < b.NanosecondsPerItem);
        ReportTrial[] front = [.. trials.Where(t => t.State == ReportTrialState.Complete && !trials.Any(o => Beats(o, t)))];
        ReportTrial chosen = front.OrderBy(t => t.NanosecondsPerItem).ElementAt(front.Length / 2);
        double best = double.NegativeInfinity;
        var history = new List<BestSoFar>();
        foreach (ReportTrial t in trials.Where(t => t.State == ReportTrialState.Complete))
            history.Add(new BestSoFar(t.Number, best = Math.Max(best, t.Quality!.Value)));
        return new ReportStudy
        {
            Sampler = "tpe",
            Trials = [.. trials.Select(t => t with { OnFront = front.Contains(t), Chosen = ReferenceEquals(t, chosen) })],
            History = history,
        };
    }

    private static Confusion Confusion(Rng rng, string[] labels, double wrong)
    {
        var counts = new int[labels.Length][];
        for (int i = 0; i < labels.Length; i++)
        {
            counts[i] = new int[labels.Length];
            for (int n = 0; n < (labels.Length > 20 ? 40 : 400); n++)
                counts[i][rng.NextDouble() < wrong ? Math.Min(labels.Length - 1, rng.NextInt(1 + rng.NextInt(labels.Length))) : i]++;
        }
        return new Confusion(labels, counts);
    }

    private static ReportExample[] Examples(string[] labels) =>
    [
        new("I still have not received my new card, what should I do?", labels[0], labels[0], true, labels[0], true),
        new("Why was I charged twice for the same coffee this morning, and who do I talk to about it?", labels[^1], labels[^1], true, labels[0], false),
        new("top up failed", labels[0], labels[^1], false, labels[0], true),
        new("ok", labels[^1], labels[0], false, labels[0], false),
    ];

    private static string Intent(int i)
    {
        string[] verbs = ["activate", "block", "cancel", "change", "check", "dispute", "find", "order", "pay", "receive", "top_up"];
        string[] nouns = ["card", "transfer", "exchange_rate", "cash_withdrawal_fee", "pin", "direct_debit", "refund"];
        return $"{verbs[i % verbs.Length]}_{nouns[i / verbs.Length % nouns.Length]}";
    }
}
