using System.Globalization;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Formats.Yaml;
using Cleave.Splitting.Pipelines;
using Cleave.Splitting.SingleTask;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Splitting.Projects;

/// <summary>Reads <see cref="SplitProject"/> files. All mistakes are reported together, each with its line.</summary>
public static class ProjectReader
{
    private const int MostTrials = 100_000;
    private static readonly Dictionary<string, double> Bytes = new(StringComparer.OrdinalIgnoreCase) { ["B"] = 1, ["kB"] = 1e3, ["MB"] = 1e6, ["GB"] = 1e9 };
    internal static readonly Dictionary<string, double> Seconds = new(StringComparer.OrdinalIgnoreCase) { ["us"] = 1e-6, ["ms"] = 1e-3, ["s"] = 1 };

    /// <summary>Names that a release has its own use for.</summary>
    internal static readonly string[] Reserved = ["monolith", "router", "auto"];

    private static readonly (string Name, TaskKind Kind)[] Kinds =
        [("classify", TaskKind.Classify), ("generate", TaskKind.Generate), ("extract", TaskKind.Extract), ("language-model", TaskKind.LanguageModel)];

    /// <param name="path">A folder with a <see cref="SplitProject.FileName"/>, or the file.</param>
    /// <exception cref="ProjectException">Every mistake in the file.</exception>
    public static SplitProject Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string file = Directory.Exists(path) ? Path.Combine(path, SplitProject.FileName) : path;
        if (!File.Exists(file))
            throw new ProjectException(file, ["no such project file; give a folder with a cleave.yaml, such as samples/support-desk"]);
        (YamlFile yaml, YamlSection root) = YamlFile.Load(file);
        string folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        List<TaskDefinition> tasks = ReadTasks(root, folder);
        var project = new SplitProject
        {
            Path = file,
            Name = Name(root),
            Base = root.Text("base", required: true) ?? "",
            Seed = root.Seed("seed", 1),
            Tasks = tasks,
            Search = SearchReader.Read(root.Section("search"), MostTrials),
            Budget = ReadBudget(root.Section("budget")),
            Monolith = ReadMonolith(root.Section("monolith")),
            Training = ReadTraining(root.Section("training"), folder, given),
            TrainingGiven = given,
            Energy = ReadEnergy(root.Section("energy")),
            Prices = ReadPrices(root.Section("prices")),
            Routing = ReadRouting(root.Section("routing")),
            Pipelines = PipelineReader.Read(root.Section("pipelines"), tasks),
        };
        root.Finish();
        yaml.ThrowIfAny();
        return project;
    }

    /// <summary>The name of a kind as project files write it.</summary>
    public static string NameOf(TaskKind kind) => Kinds.First(k => k.Kind == kind).Name;

    /// <summary>The kind of a name, or null.</summary>
    public static TaskKind? KindOf(string name) => Kinds.Any(k => k.Name == name) ? Kinds.First(k => k.Name == name).Kind : null;

    private static string Name(YamlSection root)
    {
        string name = root.Text("name", required: true) ?? "";
        CheckName(root, "name", name);
        return name;
    }

    /// <summary>Whether a task can be called so: names become folders and tensor names.</summary>
    public static bool IsName(string name) =>
        name is { Length: > 0 and <= 64 } && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') && char.IsAsciiLetterOrDigit(name[0]);

    internal static void CheckName(YamlSection section, string key, string name)
    {
        if (name.Length > 0 && !IsName(name))
            section.Report(key, $"the name '{name}' may have letters, digits, '-' and '_' only, at most 64");
    }

    private static List<TaskDefinition> ReadTasks(YamlSection root, string folder)
    {
        var tasks = new List<TaskDefinition>();
        if (root.Section("tasks", required: true) is not { } section)
            return tasks;
        foreach (string name in section.Keys)
        {
            CheckName(section, name, name);
            if (Reserved.Contains(name))
                section.Report(name, $"a task cannot be called '{name}': the release uses that name");
            if (section.Section(name) is { } task)
                tasks.Add(ReadTask(name, task, folder));
        }
        if (tasks.Count == 0)
            section.Report("tasks", "at least one task is needed");
        return tasks;
    }

    private static TaskDefinition ReadTask(string name, YamlSection task, string folder)
    {
        string kindName = task.Choice("kind", "", [.. Kinds.Select(k => k.Name)]);
        if (kindName.Length == 0 && !task.Has("kind"))
            task.Report("kind", $"task '{name}' needs a 'kind' (classify, generate, extract or language-model)");
        TaskKind kind = Kinds.FirstOrDefault(k => k.Name == kindName).Kind;
        (IReadOnlyList<string> validation, double share) = Validation(task, folder);
        var source = new TaskSource
        {
            Name = name,
            Kind = kind,
            Train = Files(task, "train", folder, required: true),
            Test = Files(task, "test", folder, required: false),
            BaseFolder = folder,
            Text = task.Text("text") ?? "text",
            Label = task.Text("label") ?? "label",
            Target = task.Text("target") ?? "target",
            Question = task.Text("question"),
            Rejected = task.Text("rejected"),
            Answer = task.Text("answer"),
            Spans = task.Text("spans"),
            TrainRows = Rows(task, "train-rows"),
            TestRows = Rows(task, "test-rows"),
            Validation = validation,
            ValidationFraction = share,
            Header = task.Flag("header", true),
        };
        Metric metric = Metric.Default(kind);
        if (task.Text("metric") is { } metricName)
        {
            try
            {
                metric = Metric.Parse(metricName, kind);
            }
            catch (CleaveException e)
            {
                task.Report("metric", e.Message);
            }
        }
        double margin = task.Number("margin", 0.01, 0, 1000);
        int? trials = task.Has("trials") ? task.Integer("trials", 12, 1, MostTrials) : null;
        double dropout = task.Number("token-dropout", 0, 0, 0.9);
        if (dropout > 0 && kind is not (TaskKind.Classify or TaskKind.Extract))
            task.Report("token-dropout", "only classify and extract tasks can have it: a generated text repeats words of its prompt");
        FineTuneOptions augmented = Located(FineTuneSettings.Read(task, new FineTuneOptions(), [.. FineTuneSettings.All.Select(s => s.Name).Except(FineTuneSettings.OfTasks)]), task, folder);
        if (kind != TaskKind.Classify && FineTuneSettings.OfTasks.FirstOrDefault(task.Has) is { } key)
            task.Report(key, $"only classify tasks can have '{key}': elsewhere words are what is to be found or said");
        SelfTrainingOptions? unlabelled = ReadUnlabelled(task, folder, kind);
        TaskSearch? search = SearchReader.ReadTask(task, name);
        task.Finish();
        return new TaskDefinition(source, metric, margin, trials, dropout) { Text = augmented.Text, Sampling = augmented.Sampling, Unlabelled = unlabelled, Search = search };
    }

    private static SelfTrainingOptions? ReadUnlabelled(YamlSection task, string folder, TaskKind kind)
    {
        IReadOnlyList<string> files = Files(task, "unlabelled", folder, required: false);
        var options = new SelfTrainingOptions(files, task.Number("pseudo-accuracy", SelfTrainingOptions.UsualAccuracy, 0.5, 1), task.Flag("pseudo-agree", false));
        if (files.Count > 0 && kind != TaskKind.Classify)
            task.Report("unlabelled", "only classify tasks can have 'unlabelled' texts");
        if (files.Count == 0 && (task.Has("pseudo-accuracy") || task.Has("pseudo-agree")))
            task.Report("pseudo-accuracy", "'pseudo-accuracy' and 'pseudo-agree' are about the labels of 'unlabelled' texts: say where they are");
        return files.Count > 0 ? options : null;
    }

    // A file's path is relative to the project.
    private static FineTuneOptions Located(FineTuneOptions options, YamlSection section, string folder)
    {
        if (options.Text.Synonyms is not { } given)
            return options;
        string path = Path.Combine(folder, given);
        if (!File.Exists(path))
            section.Report("synonyms", $"no such file: {path}");
        return options with { Text = options.Text with { Synonyms = path } };
    }

    private static IReadOnlyList<string> Files(YamlSection task, string key, string folder, bool required)
    {
        IReadOnlyList<string> patterns = task.Texts(key, required);
        foreach (string pattern in patterns)
        {
            if (!pattern.Contains('*', StringComparison.Ordinal) && !pattern.Contains('?', StringComparison.Ordinal) && !File.Exists(Path.Combine(folder, pattern)))
                task.Report(key, $"no such file: {Path.Combine(folder, pattern)}");
        }
        return patterns;
    }

    // A share of the training items, or files.
    private static (IReadOnlyList<string> Files, double Share) Validation(YamlSection task, string folder)
    {
        const double Usual = 0.15;
        bool files = task.Has("validation") && !(task.Texts("validation", required: false) is [var only]
            && double.TryParse(only, NumberStyles.Float, CultureInfo.InvariantCulture, out _));
        return files ? (Files(task, "validation", folder, required: false), Usual) : ([], task.Number("validation", Usual, 0.01, 0.5));
    }

    private static int? Rows(YamlSection task, string key) => task.Has(key) ? task.Integer(key, 1, 1, int.MaxValue) : null;

    private static BudgetOptions ReadBudget(YamlSection? budget)
    {
        if (budget is null)
            return new BudgetOptions(null, null);
        var options = new BudgetOptions(budget.Quantity("bytes", Bytes), budget.Quantity("latency", Seconds),
            Factor(budget, "faster"), Factor(budget, "smaller"));
        budget.Finish();
        return options;
    }

    private static FineTuneOptions ReadTraining(YamlSection? training, string folder, Dictionary<string, string> given)
    {
        if (training is null)
            return new FineTuneOptions();
        foreach (string name in FineTuneSettings.All.Select(s => s.Name).Where(training.Has))
            given[name] = training.Node(name)?.ToString() ?? "";
        FineTuneOptions options = Located(FineTuneSettings.Read(training, new FineTuneOptions()), training, folder);
        training.Finish();
        return options;
    }

    private static EnergyOptions ReadEnergy(YamlSection? energy)
    {
        if (energy is null)
            return EnergyOptions.Default;
        double watts = energy.Number("watts_per_core", EnergyOptions.Default.WattsPerCore, 0.01, EnergyOptions.MostWatts);
        EnergyOptions options = EnergyOptions.Of(watts);
        options = options with { Uncertainty = energy.Number("uncertainty", options.Uncertainty, 0, EnergyOptions.MostWatts) };
        energy.Finish();
        return options;
    }

    private static PriceTable? ReadPrices(YamlSection? prices)
    {
        if (prices is null)
            return null;
        if (!prices.Has("kwh") && !prices.Has("core_hour"))
            prices.Report("kwh", "'prices' needs 'kwh', the price of a kilowatt-hour, or 'core_hour', that of a core for an hour");
        string currency = prices.Text("currency", required: true) ?? "";
        if (currency.Length > 0 && (currency.Length != 3 || !currency.All(char.IsAsciiLetterUpper)))
            prices.Report("currency", $"'prices.currency' is three capital letters such as EUR, not '{currency}'");
        var table = new PriceTable(prices.Number("kwh", 0, 0, 1e6), prices.Number("core_hour", 0, 0, 1e6), currency);
        prices.Finish();
        return table;
    }

    private static RoutingOptions ReadRouting(YamlSection? routing)
    {
        if (routing is null)
            return new RoutingOptions(false, null);
        var options = new RoutingOptions(routing.Flag("abstain", false), routing.Has("risk") ? routing.Number("risk", RoutingOptions.UsualRisk, 1e-4, 1) : null);
        routing.Finish();
        return options;
    }

    private static double? Factor(YamlSection section, string key) => section.Has(key) ? section.Number(key, 1, 1, 1e6) : null;

    private static MonolithOptions ReadMonolith(YamlSection? monolith)
    {
        if (monolith is null)
            return new MonolithOptions(4, 1e-3, 1024);
        var options = new MonolithOptions(monolith.Integer("epochs", 4, 1, 1000), monolith.Number("learning-rate", 1e-3, 1e-8, 1),
            monolith.Integer("batch-tokens", 1024, 16, 1 << 20));
        monolith.Finish();
        return options;
    }
}
