using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Cleave.Cli.Shell;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Numerics.Distributed;
using Cleave.Splitting.Ensembles;
using Cleave.Splitting.Projects;
using Cleave.Splitting.SingleTask;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave train</c>: one model, one task → a fine-tuned model or an adapter.</summary>
internal static class TrainCommand
{
    private const int RangeUpdates = 100;

    private static readonly Argument<string> Model = ModelArgument.Create();
    private static readonly Option<string?> Task = new("--task") { Description = "What the task is: classify, generate, extract or language-model; with --project the task's name in it.", HelpName = "KIND" };
    private static readonly Option<string?> Project = new("--project") { Description = "A project (cleave.yaml) whose task, columns and 'training' section are used.", HelpName = "PROJECT" };
    private static readonly Option<string[]> Train = Files("--train", "Training items: .jsonl, .csv or .tsv, also with .gz.");
    private static readonly Option<string[]> Test = Files("--test", "Items for the final measurement; without it a fifth of the training items is held out.");
    private static readonly Option<string[]> Validation = Files("--validation", "Items for early stopping and calibration; without it a share of the training items is held out.");
    private static readonly Option<string[]> Unlabelled = Files("--unlabelled", "Texts to classify without labels: those that the model is sure of are trained on too, with its labels.");
    private static readonly Option<double> PseudoAccuracy = new("--pseudo-accuracy") { Description = "How often validation items of the same confidence must be right for a model's label to count.", HelpName = "X", DefaultValueFactory = _ => SelfTrainingOptions.UsualAccuracy };
    private static readonly Option<bool> PseudoAgree = new("--pseudo-agree") { Description = "A label counts only if a second model, trained with another seed, gives the same." };
    private static readonly Option<string?> Name = new("--name") { Description = "What the task is called in the result (the kind).", HelpName = "NAME" };
    private static readonly Option<string> Text = Column("--text", "text"), Label = Column("--label", "label"), Target = Column("--target", "target");
    private static readonly Option<string?> Rejected = new("--rejected") { Description = "The column that holds a worse answer, for --loss dpo.", HelpName = "COLUMN" };
    private static readonly Option<string?> MetricName = new("--metric") { Description = "The measure of quality; unless given, the one that suits the kind of task.", HelpName = "NAME" };
    private static readonly Option<bool> Merge = new("--merge") { Description = "Merge the adapter into the base and write a whole model, if that changes it little enough." };
    private static readonly Option<double> MergeBound = new("--merge-bound") { Description = "Largest divergence that merging may cause, in nats.", HelpName = "X", DefaultValueFactory = _ => 1e-3 };
    private static readonly Option<string?> Ensemble = new("--ensemble") { Description = "Train several models for one classification: bagging, boosting, stacking or snapshots answer together and cost their sum; soup and greedy-soup are one model with the mean of the weights.", HelpName = string.Join('|', EnsembleOptions.Names) };
    private static readonly Option<int> Members = new("--members") { Description = "Models of an ensemble; for stacking those beside an n-gram classifier.", HelpName = "N", DefaultValueFactory = _ => 4 };
    private static readonly Option<bool> RangeTest = new("--range-test") { Description = $"Only find a learning rate: train {RangeUpdates} updates from a very low to a very high one, and write nothing." };
    private static readonly (Setting Setting, Option<string?> Option)[] Settings =
        [.. FineTuneSettings.All.Select(s => (s, new Option<string?>("--" + s.Name) { Description = s.Description, HelpName = s.Placeholder }))];

    public static Verb Create()
    {
        var verb = new Verb("train", "Fine-tune one model on one task, wholly or through an adapter, and measure the result on held-out items.")
        {
            Model, Task, Project, Train, Test, Validation, Unlabelled, PseudoAccuracy, PseudoAgree, Name, Text, Label, Target, Rejected, MetricName, Merge, MergeBound, Ensemble, Members, RangeTest,
        };
        foreach ((_, Option<string?> option) in Settings)
            verb.Add(option);
        foreach (Option option in new Option[] { SharedOptions.Out, SharedOptions.Resume, SharedOptions.Force, SharedOptions.Seed, SharedOptions.Threads, SharedOptions.Json })
            verb.Add(option);
        return verb
            .Advice("which method",
                ("full", "Best quality where there is memory for four times the weights; small models, many items."),
                ("last", "Less time and memory, where the base already knows the language of the task."),
                ("head", "The quickest; a first baseline, and when only hundreds of items are there."),
                ("lora", "Large bases, many tasks on one base: a file of a few megabytes a task, little memory."),
                ("dora", "As lora, with the lengths of rows learnt apart; for low ranks, where its extra time is there."),
                ("ia3", "The smallest adapter; few items, and when thousands of tasks are to be kept."))
            .Example("cleave train starter --task classify --train intents.jsonl --out out/intent", "every weight")
            .Example("cleave train starter --task classify --train intents.jsonl --method lora --rank 16 --quantize-base true --out out/adapter", "an adapter on a base held in 8 bits")
            .Example("cleave train starter --task generate --train replies.csv --text question --target answer --method lora --merge --out out/replies", "columns by name, merged")
            .Example("cleave train out/replies --task generate --train pairs.jsonl --rejected worse --loss dpo --method lora --out out/preferred", "from preferences")
            .Example("cleave train starter --project samples/support-desk --task intent --out out/intent --resume", "a project's task; continue after an interruption")
            .Example("cleave train starter --task classify --train intents.jsonl --sampling over --typos 0.05 --synonyms synonyms.txt --out out/intent", "rare classes more often, in other words and with typing errors")
            .Example("cleave train starter --task classify --train intents.jsonl --unlabelled inbox.jsonl --pseudo-agree --out out/intent", "also on texts without labels, where two models are sure and agree")
            .Example("cleave train starter --task classify --train intents.jsonl --ensemble greedy-soup --members 4 --out out/intent", "the mean of the weights of several, which costs what one costs")
            .Example("cleave train starter --task classify --train intents.jsonl --range-test", "find a learning rate")
            .Example("mpirun -n 4 cleave train starter --task classify --train intents.jsonl --accumulate 8 --out out/intent", "four processes (Open MPI), each with two of an update's eight micro-batches")
            .Runs(Run);
    }

    private static int Run(Call call)
    {
        SplitProject? project = call.Get(Project) is { } path ? ProjectReader.Load(path) : null;
        (TaskSource source, Metric metric, FineTuneOptions usual, SelfTrainingOptions? unlabelled) = project is null ? FromOptions(call) : FromProject(call, project, call.Get(Task));
        EnsembleOptions? ensemble = call.Get(Ensemble) is { } kind ? new EnsembleOptions(EnsembleOptions.Parse(kind), call.Positive(Members)) : null;
        if (ensemble is not null && project?.TrainingGiven.ContainsKey("schedule") != true)
            usual = usual with { Schedule = ensemble.Schedule(usual.Schedule) };
        FineTuneOptions options = FineTuneSettings.Apply(usual, Settings.Where(s => call.Given(s.Option)).Select(s => (s.Setting, call.Get(s.Option)!)));
        bool test = call.Get(RangeTest);
        foreach (Option option in test ? new Option[] { Merge, MergeBound, Ensemble, Members, Unlabelled, PseudoAccuracy, PseudoAgree, SharedOptions.Out, SharedOptions.Resume, SharedOptions.Force } : call.Get(Merge) ? [] : [MergeBound])
        {
            if (call.Given(option))
                throw new CleaveException(test ? $"{option.Name} and --range-test cannot be given together: a range test writes nothing" : $"{option.Name} is for --merge");
        }
        if (call.Given(Rejected) && options.Loss != LossKind.Dpo)
            throw new CleaveException("--rejected is for --loss dpo");
        var training = new TaskTraining(ModelArgument.Fetched(call.Get(Model)), source, metric, options, call.Seed, test ? "range-test" : call.OutPath())
        {
            Merge = call.Get(Merge),
            Unlabelled = unlabelled,
            MostDivergence = call.Get(MergeBound) is >= 0 and var bound ? bound : throw new CleaveException("--merge-bound must be at least 0"),
            Resume = call.Resume,
            Force = call.Force,
        };
        if (training.Merge && !options.UsesAdapter)
            throw new CleaveException("--merge is for the methods lora, dora and ia3: other results are whole models already");
        if (ensemble is not null && call.JoinRanks().Size > 1)
            throw new CleaveException("--ensemble trains its members one after the other, each by one process; leave out the launcher");
        if (ensemble is not null)
            return EnsembleRun.Train(call, training, ensemble, EnergyOptions.FromEnvironment(project?.Energy), project?.Prices);
        if (call.Given(Members))
            throw new CleaveException("--members is for --ensemble: say how the models answer together");
        return test ? FindRate(call, training) : TrainModel(call, training, options.Method.ToString().ToLowerInvariant(), EnergyOptions.FromEnvironment(project?.Energy), project?.Prices);
    }

    /// <param name="method">What is said of how it was made.</param>
    internal static int TrainModel(Call call, TaskTraining training, string method, EnergyOptions power, PriceTable? prices)
    {
        using var meter = new EnergyMeter(power);
        long start = Stopwatch.GetTimestamp();
        ICollective ranks = call.JoinRanks();
        TaskTrainingResult? result;
        using (ProgressLine progress = call.Progress())
            result = new TaskTrainer(training, ranks).Run(progress, call.Cancel);
        if (result is null)
            return Exit.Done; // the first process speaks for all
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        EnergyUse energy = meter.Used;
        if (meter.WhyEstimated.Length > 0)
            call.Detail($"energy is estimated: {meter.WhyEstimated}");
        if (result.Remark is { } remark)
            call.Say(remark);
        if (call.Json)
        {
            call.WriteJson(w => WriteJson(w, training, method, result, seconds, energy, prices));
            return Exit.Done;
        }
        call.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{training.Output}: {training.Source.Name}: {training.Metric.Name} {result.Quality} on {result.Quality.Items} items, {seconds:0} s, {EnergyFigures.Show(energy, prices)}"));
        call.Out.WriteLine($"trained {Format.Count(result.Training.TrainedParameters)} of {Format.Count(result.Parameters)} weights in {result.Training.Updates} updates; {Format.Bytes(result.StoredBytes)} written"
            + (result.Training.BestUpdate is { } best ? $"; the weights of update {best}" : ""));
        if (result.Merge is { } merge)
            call.Out.WriteLine($"merged: {merge}");
        if (result.SelfTraining is { } added)
            SelfTrainingFigures.Show(call.Out, training.Metric, added, result.Quality);
        return Exit.Done;
    }

    private static void WriteJson(Utf8JsonWriter w, TaskTraining training, string method, TaskTrainingResult result, double seconds, EnergyUse energy, PriceTable? prices)
    {
        w.WriteStartObject();
        w.WriteString("method", method);
        w.WriteNumber("parameters", result.Parameters);
        w.WriteNumber("weights_bytes", result.WeightBytes);
        MetricFigures.Write(w, training.Metric, result.Quality);
        w.WriteNumber("seconds", seconds);
        EnergyFigures.Write(w, energy, prices);
        w.WriteString("out", training.Output);
        w.WriteNumber("trained_parameters", result.Training.TrainedParameters);
        w.WriteNumber("stored_bytes", result.StoredBytes);
        w.WriteNumber("updates", result.Training.Updates);
        if (result.Training.Curve is [.., var last])
            w.WriteNumber("validation_loss", last.ValidationLoss);
        if (result.Training.BestUpdate is { } best)
            w.WriteNumber("best_update", best);
        if (result.Merge is { } merge)
        {
            w.WriteNumber("merge_kl", merge.Divergence);
            w.WriteNumber("merge_kl_bound", merge.MostDivergence);
        }
        if (result.SelfTraining is { } added)
            SelfTrainingFigures.Write(w, added);
        w.WriteEndObject();
    }

    private static int FindRate(Call call, TaskTraining training)
    {
        if (JobLaunch.Current is { } launch)
            throw new CleaveException($"--range-test is for one process, and {launch.Size} were started");
        IReadOnlyList<(double Rate, double Loss)> curve;
        double suggestion;
        using (ProgressLine progress = call.Progress())
            (curve, suggestion) = new TaskTrainer(training).RangeTest(RangeUpdates, progress, call.Cancel);
        if (call.Json)
        {
            call.WriteJson(w =>
            {
                w.WriteStartObject();
                w.WriteNumber("learning_rate", suggestion);
                w.WriteStartArray("curve");
                foreach ((double rate, double loss) in curve)
                {
                    w.WriteStartArray();
                    w.WriteNumberValue(rate);
                    w.WriteNumberValue(loss);
                    w.WriteEndArray();
                }
                w.WriteEndArray();
                w.WriteEndObject();
            });
            return Exit.Done;
        }
        var table = new TextTable("learning rate", "loss");
        for (int i = 0; i < curve.Count; i += 5)
            table.Row(curve[i].Rate.ToString("0.0e+0", CultureInfo.InvariantCulture), curve[i].Loss.ToString("0.0000", CultureInfo.InvariantCulture));
        table.Write(call.Out);
        call.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"suggested: --learning-rate {suggestion:0.0e+0}"));
        return Exit.Done;
    }

    private static (TaskSource, Metric, FineTuneOptions, SelfTrainingOptions?) FromOptions(Call call)
    {
        TaskKind kind = call.Get(Task) is { } name ? ProjectReader.KindOf(name) ?? throw new CleaveException($"--task {name}: classify, generate, extract or language-model; a name needs --project")
            : throw new CleaveException("--task is missing: classify, generate, extract or language-model");
        if (call.Get(Train) is not { Length: > 0 } files)
            throw new CleaveException("--train is missing: the files with training items");
        var source = new TaskSource
        {
            Name = call.Get(Name) is { } own ? ProjectReader.IsName(own) ? own : throw new CleaveException($"--name {own}: letters, digits, '-' and '_' only, at most 64") : ProjectReader.NameOf(kind),
            Kind = kind,
            Train = files,
            Test = call.Get(Test) ?? [],
            Validation = call.Get(Validation) ?? [],
            Text = call.Get(Text),
            Label = call.Get(Label),
            Target = call.Get(Target),
            Rejected = call.Get(Rejected),
        };
        return (source, call.Get(MetricName) is { } metric ? Metric.Parse(metric, kind) : Metric.Default(kind), new FineTuneOptions(), FromUnlabelled(call));
    }

    private static SelfTrainingOptions? FromUnlabelled(Call call)
    {
        if (call.Get(Unlabelled) is { Length: > 0 } files)
        {
            return new SelfTrainingOptions(files, call.Get(PseudoAccuracy) is >= 0.5 and <= 1 and var accuracy ? accuracy
                : throw new CleaveException("--pseudo-accuracy must be a number from 0.5 to 1"), call.Get(PseudoAgree));
        }
        return call.Given(PseudoAccuracy) || call.Given(PseudoAgree) ? throw new CleaveException("--pseudo-accuracy and --pseudo-agree are about the labels of --unlabelled texts: say where they are") : null;
    }

    internal static (TaskSource, Metric, FineTuneOptions, SelfTrainingOptions?) FromProject(Call call, SplitProject project, string? chosen)
    {
        foreach (Option option in new Option[] { Train, Test, Validation, Unlabelled, PseudoAccuracy, PseudoAgree, Name, Text, Label, Target, Rejected, MetricName })
        {
            if (call.Given(option))
                throw new CleaveException($"{option.Name} and --project cannot be given together: the project says it");
        }
        string names = string.Join(", ", project.Tasks.Select(t => t.Name));
        string name = chosen ?? (project.Tasks.Count == 1 ? project.Tasks[0].Name : throw new CleaveException($"--task is missing: one of {names}"));
        TaskDefinition task = project.Tasks.FirstOrDefault(t => t.Name == name) ?? throw new CleaveException($"--task {name}: the project has {names}");
        return (task.Source, task.Metric, project.TrainingOf(task), task.Unlabelled);
    }

    private static Option<string[]> Files(string name, string what) => new(name) { Description = what, HelpName = "FILE", Arity = ArgumentArity.OneOrMore, AllowMultipleArgumentsPerToken = true };

    private static Option<string> Column(string name, string column) =>
        new(name) { Description = $"The column that holds the {column}.", HelpName = "COLUMN", DefaultValueFactory = _ => column };
}
