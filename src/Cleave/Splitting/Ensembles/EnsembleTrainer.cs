using System.Diagnostics;
using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Formats.Durable;
using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Numerics;
using Cleave.Splitting.Modules;
using Cleave.Splitting.SingleTask;
using Cleave.Training;
using Cleave.Training.Ensembles;

namespace Cleave.Splitting.Ensembles;

/// <summary>
/// Trains several models for one classification and writes what they come to together: an ensemble, which costs their sum, or a soup, which costs one
/// of them. What is measured is what was written.
/// </summary>
public sealed class EnsembleTrainer(TaskTraining training, EnsembleOptions options)
{
    private const int FoldCount = 5;

    /// <exception cref="CleaveException">The task is no classification, or the method does not go with the training's settings.</exception>
    public EnsembleResult Run(IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        Check();
        if (File.Exists(training.Output))
            throw new CleaveException($"{training.Output}: is a file, and the result is a folder; choose another --out");
        TaskDataset data = TaskDataset.Load(training.Source, training.Seed);
        data.RequireValidation("an ensemble");
        using var work = new RunFolder(training.Output, training.Resume, training.Force, EnsembleFingerprint.Of(training, options, data));
        EnsembleResult? result = null;
        var trainer = new MemberTrainer(training, data, progress, cancellation);
        Plan plan = Train(trainer);
        progress?.Report(new ProgressReport("write and measure", 0, 1, "models"));
        AtomicFolder.Create(training.Output, folder => result = options.IsSoup ? WriteSoup(folder, plan, trainer) : WriteEnsemble(folder, plan, trainer),
            overwrite: training.Force || training.Resume);
        work.Finish();
        return result!;
    }

    private Plan Train(MemberTrainer trainer) => options.Method switch
    {
        EnsembleMethod.Bagging => Bagged(trainer),
        EnsembleMethod.Boosting => Boosted(trainer),
        EnsembleMethod.Stacking => Stacked(trainer),
        EnsembleMethod.Snapshots => new Plan(trainer.Snapshots(), Combination.Mean),
        _ => new Plan([.. Enumerable.Range(0, options.Members).Select(m => trainer.Train($"{m}", trainer.Data.Train, sameStart: true))], Combination.Mean),
    };

    private void Check()
    {
        if (training.Source.Kind != TaskKind.Classify)
            throw new CleaveException("an ensemble is for the task classify: answers of other kinds have no mean");
        if (options.Members < 2 && options.Method != EnsembleMethod.Stacking)
            throw new CleaveException($"--members {options.Members}: an ensemble has at least 2");
        int most = EnsembleFolder.MostMembers - (options.Method == EnsembleMethod.Stacking ? 1 : 0); // beside the n-gram classifier
        if (options.Members > most && !options.IsSoup)
            throw new CleaveException($"--members {options.Members}: an ensemble by {options.Name} has at most {most}");
        if (training.Unlabelled is not null)
            throw new CleaveException("--ensemble and --unlabelled each train several models; give one of them");
        if (options.Method == EnsembleMethod.Snapshots && (training.Options.Ema > 0 || training.Options.Swa > 0 || training.Options.EarlyStop > 0))
            throw new CleaveException("snapshots are of a whole run's own weights: leave out ema, swa and early-stop");
        if (options.Method == EnsembleMethod.Snapshots && (training.Options.Schedule.Name != "cyclic" || training.Options.Schedule.Cycles != options.Members))
            throw new CleaveException($"snapshots are taken at the ends of a learning rate's cycles, one a member: leave out schedule, warmup and cycles, or give --schedule cyclic --cycles {options.Members}");
        if (options.IsSoup && training.Options.UsesAdapter)
            throw new CleaveException("a soup is the mean of whole models; use the methods full, last or head");
    }

    private Plan Bagged(MemberTrainer trainer)
    {
        IReadOnlyList<Example> train = trainer.Data.Train;
        return new Plan([.. Enumerable.Range(0, options.Members).Select(m =>
        {
            Rng rng = Rng.For(training.Seed, $"bootstrap {m}");
            return trainer.Train($"{m}", [.. train.Select(_ => train[rng.NextInt(train.Count)])]);
        })], Combination.Mean);
    }

    // A member learns from its weights through the items it is given: drawn by weight, as many as there are.
    private Plan Boosted(MemberTrainer trainer)
    {
        IReadOnlyList<Example> train = trainer.Data.Train;
        int[] labels = trainer.Labels(train);
        var samme = new Samme(train.Count, trainer.Data.Labels.Count);
        var members = new List<string>();
        for (int m = 0; m < options.Members && !samme.Finished; m++)
        {
            Rng rng = Rng.For(training.Seed, $"boosting {m}");
            string folder = trainer.Train($"{m}", m == 0 ? train : Drawn(train, samme.Weights, rng));
            IReadOnlyList<float[]> said = trainer.Probabilities(folder, train);
            if (!samme.Add([.. said.Select((p, i) => TokenSampler.ArgMax(p) != labels[i])]))
                break;
            members.Add(folder);
        }
        return members.Count > 0 ? new Plan(members, Combination.Vote) { Votes = [.. samme.Votes] }
            : throw new CleaveException("the first member is no better than chance on its own training items; give it more epochs or a higher learning rate");
    }

    private Plan Stacked(MemberTrainer trainer)
    {
        IReadOnlyList<Example> train = trainer.Data.Train;
        int[] folds = Folds.Assign(train, FoldCount, Rng.For(training.Seed, "folds"));
        Func<string, IReadOnlyList<Example>, string>[] kinds = [.. Enumerable.Range(0, options.Members).Select(_ => (Func<string, IReadOnlyList<Example>, string>)((n, e) => trainer.Train(n, e))), trainer.TrainNgrams];
        var unseen = new float[kinds.Length][][];
        for (int k = 0; k < kinds.Length; k++)
        {
            unseen[k] = new float[train.Count][];
            for (int fold = 0; fold < FoldCount; fold++)
            {
                int[] left = [.. Enumerable.Range(0, train.Count).Where(i => folds[i] == fold)];
                if (left.Length == 0)
                    continue;
                string folder = kinds[k]($"{k}-fold-{fold}", [.. train.Where((_, i) => folds[i] != fold)]);
                IReadOnlyList<float[]> said = trainer.Probabilities(folder, [.. left.Select(i => train[i])]);
                for (int j = 0; j < left.Length; j++)
                    unseen[k][left[j]] = said[j];
            }
        }
        string[] members = [.. kinds.Select((kind, k) => kind($"{k}", train))];
        return new Plan(members, Combination.Stack) { Stacker = Stacker.Fit(unseen, trainer.Labels(train), trainer.Data.Labels.Count) };
    }

    private static Example[] Drawn(IReadOnlyList<Example> items, IReadOnlyList<double> weights, Rng rng)
    {
        var upTo = new double[items.Count];
        double sum = 0;
        for (int i = 0; i < upTo.Length; i++)
            upTo[i] = sum += weights[i];
        return [.. items.Select(_ =>
        {
            int at = Array.BinarySearch(upTo, rng.NextDouble() * sum);
            return items[Math.Min(at >= 0 ? at + 1 : ~at, items.Count - 1)];
        })];
    }

    private EnsembleResult WriteEnsemble(string folder, Plan plan, MemberTrainer trainer)
    {
        for (int m = 0; m < plan.Folders.Count; m++)
            FolderCopy.Copy(plan.Folders[m], EnsembleFolder.Member(folder, m));
        JsonObject facts = EnsembleFolder.Describe(plan.Combination, plan.Folders.Count, plan.Votes, plan.Stacker);
        return Finish(folder, trainer, facts, plan, plan.Votes ?? [.. plan.Folders.Select(_ => 1.0)]);
    }

    private EnsembleResult WriteSoup(string folder, Plan plan, MemberTrainer trainer)
    {
        LanguageModel into = ModelFolder.Load(plan.Folders[0]);
        double[] scores = [.. plan.Folders.Select(f => Score(f, trainer))];
        int[] order = [.. Enumerable.Range(0, scores.Length).OrderByDescending(m => scores[m]).ThenBy(m => m)];
        LanguageModel[] members = [.. order.Select(m => ModelFolder.Load(plan.Folders[m]))];
        IEnumerable<int> kept = Enumerable.Range(0, members.Length);
        if (options.Method == EnsembleMethod.Soup)
            WeightSoup.Mean(into, members);
        else
            kept = WeightSoup.Greedy(into, members, model => Score(new TransformerModule(trainer.Data.Source.Name, TaskKind.Classify, model, trainer.Data.Labels, MaxTokens(plan), 0), trainer));
        ModelFolder.Save(folder, into, WeightType.BF16);
        int[] used = [.. kept.Select(k => order[k])];
        return Finish(folder, trainer, [], plan, [.. plan.Folders.Select((_, m) => used.Contains(m) ? 1.0 : 0)]);
    }

    // Describes, reads back, calibrates and measures.
    private EnsembleResult Finish(string folder, MemberTrainer trainer, JsonObject facts, Plan plan, IReadOnlyList<double> weights)
    {
        TaskDataset data = trainer.Data;
        facts["recipe"] = new JsonObject { ["ensemble"] = options.Name, ["members"] = plan.Folders.Count };
        facts["lineage"] = new JsonObject { ["base"] = training.Base, ["seed"] = training.Seed };
        Describe(1);
        double[] scores = [.. plan.Folders.Select(f => Score(f, trainer))];
        string best = plan.Folders[Array.IndexOf(scores, scores.Max())];
        EnsembleResult result;
        using (var module = (IClassifierModule)ModuleFolder.Load(folder)[0])
        {
            module.Temperature = TemperatureScaling.Fit(module.Logits(data.Validation, trainer.Cancellation), trainer.Labels(data.Validation)).Temperature;
            Describe(module.Temperature);
            result = new EnsembleResult([.. plan.Folders.Select((f, m) => Member(f, scores[m], weights[m]))], module.Parameters, module.WeightBytes, Latency.Milliseconds(module, data.Test),
                Measured(module, trainer), Quality(best, trainer));
        }
        return result;

        void Describe(double temperature) => ModuleFolder.Write(folder, data.Source.Name,
            [new ModuleTask(data.Source.Name, TaskKind.Classify, data.Labels, MaxTokens(plan), 0, temperature, null)], facts);
    }

    // What the members read at most: never more than their context, whatever the training's settings say.
    private static int MaxTokens(Plan plan) => ModuleFolder.Tasks(plan.Folders[0]).Single().MaxTokens;

    private static EnsembleMember Member(string folder, double validation, double weight)
    {
        using ITaskModule module = ModuleFolder.Load(folder)[0];
        return new EnsembleMember(Path.GetFileName(folder), validation, weight, module.WeightBytes);
    }

    private ConfidenceInterval Quality(string folder, MemberTrainer trainer)
    {
        using ITaskModule module = ModuleFolder.Load(folder)[0];
        return Measured(module, trainer);
    }

    private ConfidenceInterval Measured(ITaskModule module, MemberTrainer trainer) =>
        ConfidenceInterval.Of(training.Metric.Score(trainer.Data.Test, module.Predict(trainer.Data.Test, trainer.Cancellation)), seed: training.Seed);

    private double Score(string folder, MemberTrainer trainer)
    {
        using ITaskModule module = ModuleFolder.Load(folder)[0];
        return Signed(module, trainer);
    }

    private double Score(TransformerModule module, MemberTrainer trainer)
    {
        using (module)
            return Signed(module, trainer);
    }

    // All measures of classification are better where they are higher.
    private double Signed(ITaskModule module, MemberTrainer trainer) =>
        training.Metric.Score(trainer.Data.Validation, module.Predict(trainer.Data.Validation, trainer.Cancellation)).Value();

    /// <summary>The members' folders, and how they answer together.</summary>
    private sealed record Plan(IReadOnlyList<string> Folders, Combination Combination)
    {
        public IReadOnlyList<double>? Votes { get; init; }
        public Stacker? Stacker { get; init; }
    }
}
