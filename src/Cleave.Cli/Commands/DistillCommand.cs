using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Cleave.Cli.Shell;
using Cleave.Compression.Distillation;
using Cleave.Compression.Pruning;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Releases;
using Cleave.Splitting.SingleTask;
using Cleave.Training.Distillation;
using Cleave.Training.FineTuning;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave distill</c>: a small model that answers as a large one does.</summary>
internal static class DistillCommand
{
    private const int MostWindows = 4096;

    private static readonly Argument<string[]> Teachers = new("TEACHER") { Description = "The model to learn from, as MODEL is named elsewhere; of several, the mean of the probabilities is learnt.", Arity = ArgumentArity.OneOrMore };
    private static readonly Option<string?> Student = new("--student") { Description = "The model to train, with the teacher's tokenizer. Without it the student is a part of the (first) teacher: see --layers, --heads and --neurons.", HelpName = "MODEL" };
    private static readonly Option<int?> Layers = Kept("--layers", "Layers that the student keeps of its teacher."), Heads = Kept("--heads", "Key-value groups, with their query heads, that it keeps in each layer."),
        Neurons = Kept("--neurons", "Feed-forward neurons that it keeps in each layer.");

    private static readonly Option<string> By = PruneCommand.Choice("--by", "What decides which layers are kept: even spacing, the loss without them, how little they change what passes them, or their position alone.",
        [.. Enum.GetNames<LayerCriterion>().OrderBy(n => n != nameof(LayerCriterion.Spaced))]);

    private static readonly Option<string?> Train = new("--train") { Description = "A UTF-8 text like those that the student will see: what it learns from.", HelpName = "FILE" };
    private static readonly Option<double> Soft = Number("--soft", 0.5, "Share of the teacher's distributions in the loss on the vocabulary, from 0 to 1; the rest is the text's own next tokens.");
    private static readonly Option<double> Temperature = Number("--temperature", 2, "Of the distributions: higher shows more of what is unlikely.");
    private static readonly Option<string> Divergence = PruneCommand.Choice("--divergence", "From the teacher to the student (forward: the student covers all that the teacher finds likely), or the other way round (reverse: it keeps to the likeliest).", ["forward", "reverse"]);
    private static readonly Option<double> OnPolicy = Number("--on-policy", 0, "Share of the windows whose second half the student writes itself, and the teacher judges; such as 0.5.");
    private static readonly Option<double> Hidden = Number("--hidden", 0, "Weight of the loss on the layers' outputs, each against the teacher's layer that lies as deep; such as 1.");
    private static readonly Option<double> Attention = Number("--attention", 0, "Weight of the loss on how queries, keys and values relate tokens; such as 1.");
    private static readonly Option<int> RelationLayer = PruneCommand.Whole("--relation-layer", 0, "The teacher's layer, from 1, that --attention looks at; 0 for the last.");
    private static readonly Option<string?> Weights = new("--teacher-weights") { Description = "How much each of several teachers counts, such as 2,1; all alike unless given.", HelpName = "X,X" };
    private static readonly Option<string?> Predictions = new("--predictions")
    {
        Description = "A file with the teacher's likeliest tokens for the text: read where it is there, else made in one pass, so that more students learn without running the teacher.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Project = new("--project") { Description = "A project (cleave.yaml) whose task is taught instead of a text; TEACHER is then a module of that task.", HelpName = "PROJECT" };
    private static readonly Option<string?> Task = new("--task") { Description = "The task's name in the project, where there are several.", HelpName = "NAME" };
    private static readonly Option<bool> Answers = new("--answers") { Description = "For a task that writes: what the teacher writes takes the place of the items' own answers; with --soft 0 also for another tokenizer." };
    private static readonly Option<int?> Epochs = new("--epochs") { Description = "Passes over the task's items; unless given, what the project says.", HelpName = "N" };

    private static readonly Option<int> Top = PruneCommand.Whole("--top", 64, "Likeliest tokens that a new --predictions keeps.");
    private static readonly Option<int> Updates = PruneCommand.Whole("--updates", 1000, "Updates of the student.");
    private static readonly Option<int> Batch = PruneCommand.Whole("--batch", 8, "Windows of an update.");
    private static readonly Option<int> Context = PruneCommand.Whole("--context", 256, "Tokens of a window, at most what both models read.");
    private static readonly Option<double> Rate = Number("--learning-rate", 3e-4, "The highest.");

    public static Verb Create() => new Verb("distill", "Train a small model to predict as a large one does: from its distributions, and from its inner states.")
    {
        Teachers, SharedOptions.Out, Student, Layers, By, Heads, Neurons, Train, Soft, Temperature, Divergence, OnPolicy, Hidden, Attention, RelationLayer, Weights, Predictions, Top, Updates, Batch, Context, Rate,
        Project, Task, Answers, Epochs,
        CompressionVerb.Text, CompressionVerb.Check, SharedOptions.Resume, SharedOptions.Force, SharedOptions.Seed, SharedOptions.Threads, SharedOptions.Json,
    }
    .Advice("what to learn from",
        ("--soft", "The usual one, for every student with the teacher's tokenizer."),
        ("--hidden", "Beside it, for a student that began as a part of its teacher, or where there is little text."),
        ("--attention", "As --hidden, also for students of another width or another number of heads."),
        ("--on-policy", "Models that write longer texts: they learn to go on from what they wrote themselves. Each update takes longer."),
        ("--answers", "Tasks that write, above all where the student has another tokenizer (then with --soft 0)."),
        ("--predictions", "When several students learn one text, or the teacher is much slower than the student."))
    .Example("cleave distill starter --layers 2 --train task.txt --out small --text held-out.txt --check", "a student of two of the teacher's layers, compared with it")
    .Example("cleave distill starter --layers 2 --train task.txt --hidden 1 --out small", "its layers' outputs besides")
    .Example("cleave distill starter --student small --train task.txt --predictions task.predictions --out smaller", "a model of its own as the student; the teacher runs once")
    .Example("cleave distill first second --layers 3 --teacher-weights 2,1 --train task.txt --out small --resume", "two teachers; continue after an interruption")
    .Example("cleave distill out/intent --project samples/support-desk --task intent --layers 2 --out out/small", "a task: the student keeps two layers of a module and learns its distributions")
    .Example("cleave distill out/bagged --project samples/support-desk --task intent --student starter --soft 0.7 --out out/small", "an ensemble of classifiers, or one of n-grams, as the teacher of one small model")
    .Example("cleave distill out/replies --project samples/support-desk --task reply --student other --answers --soft 0 --out out/small", "a task that writes: the teacher's answers, for any student")
    .Runs(Run);

    private static int Run(Call call)
    {
        string output = call.OutPath();
        return call.Get(Project) is { } project ? RunTask(call, ProjectReader.Load(project), output) : RunText(call, output);
    }

    private static int RunText(Call call, string output)
    {
        Refuse(call, "is for a task: give --project", Task, Answers, Epochs);
        (string, long)? heldOut = CompressionVerb.ReadText(call);
        TextDistillationRequest request = Request(call, output);
        string text = EvalPerplexityCommand.ReadText(call.Get(Train) ?? throw new CleaveException("--train is missing: a text to learn from")).Text;
        NamedModel[] teachers = [.. call.Get(Teachers).Select(name => new NamedModel(name, ModelArgument.Load(call, name)))];
        CompressionVerb.RequireScored(teachers[0].Model, heldOut);
        NamedModel? student = call.Get(Student) is { } own ? new NamedModel(own, ModelArgument.Load(call, own)) : null;
        using var meter = new EnergyMeter(EnergyOptions.FromEnvironment());
        long started = Stopwatch.GetTimestamp();
        TextDistillationOutcome outcome;
        using (ProgressLine progress = call.Progress())
            outcome = new TextDistillationJob(request, call.Say, progress, call.Cancel).Run(teachers, student, text);
        List<(string, object)> notes = [("updates", (double)outcome.Result.Updates)];
        if (outcome.Layers is { } layers)
            notes.Add(("note", $"began as layers {string.Join(", ", layers)} of {teachers[0].Model.Transformer.Layers.Count} of {teachers[0].Name}"));
        return CompressionVerb.Report(call, Describe(request), output, teachers[0].Name, teachers[0].Model, heldOut, started, meter, [.. notes]);
    }

    private static int RunTask(Call call, SplitProject project, string output)
    {
        Refuse(call, "is for a text: a task has its items from the project", Train, Divergence, OnPolicy, Hidden, Attention, RelationLayer, Weights, Predictions, Top, Updates, Batch, Context, CompressionVerb.Text, CompressionVerb.Check);
        if (call.Get(Teachers) is not [var teacher])
            throw new CleaveException("a task is learnt from one teacher; several teach a text");
        (TaskSource source, Metric metric, FineTuneOptions options, _) = TrainCommand.FromProject(call, project, call.Get(Task));
        if (call.Get(Epochs) is { } epochs)
            options = options with { Epochs = epochs > 0 ? epochs : throw new CleaveException("--epochs must be at least 1") };
        StudentPlan? plan = Plan(call);
        CheckSoft(call);
        if (call.Given(Rate))
            options = options with { Optimizer = options.Optimizer with { LearningRate = call.Get(Rate) } };
        string place = ModelArgument.Fetched(teacher), folder = ModuleFolder.IsModule(place) ? place : BaseModel.Find(place, Environment.CurrentDirectory);
        var training = new TaskTraining(plan is null ? ModelArgument.Fetched(call.Get(Student)!) : folder, source, metric, options, call.Seed, output)
        {
            Teaching = new TaskTeaching(folder, new DistillationOptions((float)call.Get(Soft), (float)call.Get(Temperature)), plan, call.Get(Answers)),
            Resume = call.Resume,
            Force = call.Force,
        };
        string method = string.Create(CultureInfo.InvariantCulture, $"distill soft {call.Get(Soft)} at {call.Get(Temperature)}") + (call.Get(Answers) ? ", on the teacher's answers" : "");
        return TrainCommand.TrainModel(call, training, method, EnergyOptions.FromEnvironment(project.Energy), project.Prices);
    }

    private static void Refuse(Call call, string why, params Option[] options)
    {
        if (options.FirstOrDefault(call.Given) is { } given)
            throw new CleaveException($"{given.Name} {why}");
    }

    private static StudentPlan? Plan(Call call)
    {
        StudentPlan? plan = call.Get(Layers) is null && call.Get(Heads) is null && call.Get(Neurons) is null ? null
            : new StudentPlan(call.Get(Layers), call.Get(Heads), call.Get(Neurons)) { By = Enum.Parse<LayerCriterion>(call.Get(By), ignoreCase: true) };
        if (plan is null == call.Get(Student) is null)
            throw new CleaveException(plan is null ? "there is no student: give one with --student, or say how much of the teacher it keeps, such as --layers 2"
                : "--student is a model of its own; --layers, --heads and --neurons make one of the teacher: give one or the other");
        if (call.Get(Layers) is null)
            Refuse(call, "is for --layers: it says which of the teacher's layers stay", By);
        return plan;
    }

    private static void CheckSoft(Call call)
    {
        if (!(call.Get(Rate) > 0))
            throw new CleaveException("--learning-rate must be above 0");
        if (!(call.Get(Temperature) is > 0 and <= 100))
            throw new CleaveException("--temperature must be above 0, and at most 100");
        if (!(call.Get(Soft) is >= 0 and <= 1))
            throw new CleaveException("--soft must be from 0 to 1");
    }

    private static TextDistillationRequest Request(Call call, string output)
    {
        StudentPlan? plan = Plan(call);
        CheckSoft(call);
        if (!(call.Get(Hidden) >= 0 && call.Get(Attention) >= 0 && call.Get(RelationLayer) >= 0))
            throw new CleaveException("--hidden, --attention and --relation-layer must not be negative");
        if (call.Get(Attention) == 0)
            Refuse(call, "is for --attention", RelationLayer);
        if (call.Get(Predictions) is null)
            Refuse(call, "is for --predictions", Top);
        if (call.Get(Soft) == 0)
            Refuse(call, "is for --soft above 0: without it no distribution is learnt", Divergence, Temperature);
        if (!(call.Get(OnPolicy) is >= 0 and <= 1))
            throw new CleaveException("--on-policy must be from 0 to 1");
        if (call.Positive(Batch) > MostWindows)
            throw new CleaveException($"--batch must be at most {MostWindows}");
        return new TextDistillationRequest(output, new TextDistillationOptions
        {
            Updates = call.Positive(Updates),
            LearningRate = call.Get(Rate),
            Batch = call.Positive(Batch),
            Context = call.Positive(Context),
            Soft = call.Get(Soft),
            Reverse = call.Get(Divergence) == "reverse",
            OnPolicy = call.Get(OnPolicy),
            Hidden = call.Get(Hidden),
            Attention = call.Get(Attention),
            RelationLayer = call.Get(RelationLayer),
            Seed = call.Seed,
        })
        {
            Temperature = call.Get(Temperature),
            TeacherWeights = ParseWeights(call.Get(Weights)),
            Plan = plan,
            Predictions = call.Get(Predictions),
            Top = call.Positive(Top),
            Resume = call.Resume,
            Force = call.Force,
        };
    }

    private static double[] ParseWeights(string? text) => text is null ? [] : [.. text.Split(',').Select(part =>
        double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double x) ? x : throw new CleaveException($"--teacher-weights {text}: numbers with commas between them, such as 2,1"))];

    private static string Describe(TextDistillationRequest r) => string.Create(CultureInfo.InvariantCulture, $"distill soft {r.Options.Soft} at {r.Temperature}")
        + (r.Options.Reverse ? " reverse" : "")
        + (r.Options.OnPolicy > 0 ? string.Create(CultureInfo.InvariantCulture, $", on-policy {r.Options.OnPolicy}") : "")
        + (r.Options.Hidden > 0 ? string.Create(CultureInfo.InvariantCulture, $", hidden {r.Options.Hidden}") : "")
        + (r.Options.Attention > 0 ? string.Create(CultureInfo.InvariantCulture, $", attention {r.Options.Attention}") : "")
        + (r.Predictions is not null ? ", from kept predictions" : "");

    private static Option<int?> Kept(string name, string description) => new(name) { Description = description, HelpName = "N" };

    private static Option<double> Number(string name, double value, string description) => new(name) { Description = description, HelpName = "X", DefaultValueFactory = _ => value };
}
