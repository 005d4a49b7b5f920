using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Cleave.Cli.Shell;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Splitting.Modules;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave eval</c>: a module's quality on a file of examples, alone or against another module.</summary>
internal static class EvalCommand
{
    private const string TaskOption = "--task";
    private static readonly Argument<string> Model = new("MODEL") { Description = "A module's folder (with module.json), a release's monolith, or a published classifier: its folder or hf:owner/name." };
    private static readonly Option<string[]> Data = new("--data") { Description = "Files of examples: .jsonl, .csv or .tsv, also with .gz.", HelpName = "FILE", Arity = ArgumentArity.OneOrMore, Required = true };
    private static readonly Option<string?> Task = new(TaskOption) { Description = "Which task, where the model answers for several.", HelpName = "NAME" };
    private static readonly Option<string?> MetricName = new("--metric") { Description = "The measure of quality; unless given, the one that suits the kind of task.", HelpName = "NAME" };
    private static readonly Option<string?> Against = new("--against") { Description = "Another model: test that MODEL is not worse than it by more than the margin.", HelpName = "MODEL" };
    private static readonly Option<double> Margin = new("--margin") { Description = "How much worse MODEL may be than --against.", HelpName = "X", DefaultValueFactory = _ => 0.01 };
    private static readonly Option<string> Text = Column("--text", "text");
    private static readonly Option<string> Label = Column("--label", "label");
    private static readonly Option<string> Target = Column("--target", "target");

    public static Verb Create() => new Verb("eval", "Measure a module on examples, with an interval; with --against, test it against another (exit status 1: it is worse).")
    {
        EvalPerplexityCommand.Create(),
        Model, Data, Task, MetricName, Against, Margin, Text, Label, Target, SharedOptions.Seed, SharedOptions.Threads, SharedOptions.Json,
    }
    .Example("cleave eval release/modules/intent --data data/intent.test.jsonl", "one module")
    .Example("cleave eval release/modules/intent --data data/intent.test.jsonl --against release/monolith --margin 0.02 --json", "against the monolith, as JSON")
    .Runs(Run);

    private static int Run(Call call)
    {
        IReadOnlyList<ITaskModule> opened = ModuleFolder.Load(ModelArgument.Fetched(call.Get(Model)));
        try
        {
            ITaskModule module = ModuleFolder.Choose(opened, call.Get(Task), call.Get(Model), TaskOption);
            Metric metric = call.Get(MetricName) is { } name ? Metric.Parse(name, module.Kind) : Metric.Default(module.Kind);
            IReadOnlyList<Example> examples = ExampleReader.Read(Source(call, module), call.Seed);
            call.Say($"{call.Get(Model)}: task {module.Task}, {examples.Count} examples");
            long start = Stopwatch.GetTimestamp();
            IReadOnlyList<Prediction> predictions = module.Predict(examples, call.Cancel);
            double milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds / examples.Count;
            ConfidenceInterval value = ConfidenceInterval.Of(metric.Score(examples, predictions), seed: call.Seed);
            NonInferiorityResult? test = call.Get(Against) is { } other ? Compare(call, other, module, metric, examples, predictions) : null;
            Write(call, module, metric, value, milliseconds, test);
            return test is { Passed: false } ? Exit.No : Exit.Done;
        }
        finally
        {
            foreach (ITaskModule module in opened)
                module.Dispose();
        }
    }

    private static TaskSource Source(Call call, ITaskModule module) => new()
    {
        Name = module.Task,
        Kind = module.Kind,
        Train = [],
        Test = call.Get(Data),
        Text = call.Get(Text),
        Label = call.Get(Label),
        Target = call.Get(Target),
    };

    private static NonInferiorityResult Compare(Call call, string other, ITaskModule module, Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> predictions)
    {
        double margin = call.Get(Margin);
        if (!(margin >= 0) || !double.IsFinite(margin))
            throw new CleaveException($"--margin {margin} must be a number of at least 0");
        IReadOnlyList<ITaskModule> opened = ModuleFolder.Load(ModelArgument.Fetched(other));
        try
        {
            ITaskModule reference = ModuleFolder.Choose(opened, opened.Count == 1 ? null : module.Task, other, TaskOption);
            if (reference.Kind != module.Kind)
                throw new CleaveException($"{other}: a module of another kind cannot be compared with {call.Get(Model)}");
            return NonInferiority.Test(metric, examples, reference.Predict(examples, call.Cancel), predictions, margin, seed: call.Seed);
        }
        finally
        {
            foreach (ITaskModule m in opened)
                m.Dispose();
        }
    }

    private static void Write(Call call, ITaskModule module, Metric metric, ConfidenceInterval value, double milliseconds, NonInferiorityResult? test)
    {
        if (call.Json)
        {
            call.WriteJson(w => WriteJson(w, module, metric, value, milliseconds, test));
            return;
        }
        call.Out.WriteLine($"{module.Task}: {metric.Name} {value}, {milliseconds:0.###} ms an item");
        if (test is not null)
        {
            call.Out.WriteLine($"{(test.Passed ? "not worse" : "WORSE")} than {test.Reference:0.0000} by more than {test.Margin}: "
                + $"difference {test.Difference:+0.0000;-0.0000}, lower bound {test.LowerBound:+0.0000;-0.0000} ({test.Confidence:0%}), p = {test.PValue:0.0000}");
        }
    }

    private static void WriteJson(Utf8JsonWriter w, ITaskModule module, Metric metric, ConfidenceInterval value, double milliseconds, NonInferiorityResult? test)
    {
        w.WriteStartObject();
        w.WriteString("task", module.Task);
        w.WriteString("metric", metric.Name);
        w.WriteNumber("value", value.Value);
        w.WriteNumber("low", value.Low);
        w.WriteNumber("high", value.High);
        w.WriteNumber("confidence", value.Confidence);
        w.WriteNumber("items", value.Items);
        w.WriteNumber("ms_per_item", milliseconds);
        if (test is not null)
        {
            w.WriteStartObject("against");
            w.WriteNumber("value", test.Reference);
            w.WriteNumber("difference", test.Difference);
            w.WriteNumber("lower_bound", test.LowerBound);
            w.WriteNumber("margin", test.Margin);
            w.WriteNumber("p_value", test.PValue);
            w.WriteString("method", test.Method);
            w.WriteBoolean("passed", test.Passed);
            w.WriteEndObject();
        }
        w.WriteEndObject();
    }

    private static Option<string> Column(string name, string column) =>
        new(name) { Description = $"The column that holds the {column}.", HelpName = "COLUMN", DefaultValueFactory = _ => column };
}
