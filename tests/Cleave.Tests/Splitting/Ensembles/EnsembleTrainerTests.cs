using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Formats.Durable;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Splitting.Ensembles;
using Cleave.Splitting.Modules;
using Cleave.Splitting.SingleTask;
using Cleave.Tests.Cli;
using Cleave.Tests.Formats.Durable;
using Cleave.Tests.Models;
using Cleave.Training;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Tests.Splitting.Ensembles;

/// <summary>What of an interrupted ensemble is continued, and what it is made of.</summary>
public sealed class EnsembleTrainerTests : IDisposable
{
    private static readonly EnsembleOptions Two = new(EnsembleMethod.Bagging, 2);
    private readonly TemporaryFolder _folder = new();
    private readonly TaskTraining _training;

    public EnsembleTrainerTests()
    {
        ModelFolder.Save(_folder.File("base"), TinyModel.Create(layers: 1), WeightType.BF16);
        ModelFolder.Save(_folder.File("other"), TinyModel.Create(layers: 2), WeightType.BF16);
        TrainTests.Write(_folder.File("train.jsonl"), 60, 1);
        TrainTests.Write(_folder.File("more.jsonl"), 61, 1);
        TrainTests.Write(_folder.File("test.jsonl"), 20, 2);
        var options = new FineTuneOptions { Epochs = 2, BatchTokens = 128, ValidateEvery = 1 };
        _training = new TaskTraining(_folder.File("base"), Source("train.jsonl"), Metric.Default(TaskKind.Classify), options, 1, _folder.File("out"));
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>Members that are finished are not trained again: what is continued must be what was begun.</summary>
    [Fact]
    public void An_ensemble_is_continued_as_it_was_begun_or_not_at_all()
    {
        Interrupt(progress => new EnsembleTrainer(_training, Two).Run(progress, progress.Token), p => p.Stage.StartsWith("1:", StringComparison.Ordinal));
        string[] before = State();
        Assert.Contains(before, f => f.StartsWith("members/0/model.safetensors", StringComparison.Ordinal));
        Assert.Contains("an unfinished run is there", Refused(() => new EnsembleTrainer(_training, Two).Run()), StringComparison.Ordinal);
        TaskTraining resumed = _training with { Resume = true };
        (TaskTraining, EnsembleOptions)[] others =
        [
            (resumed with { Seed = 2 }, Two), (resumed with { Source = Source("more.jsonl") }, Two), (resumed with { Base = _folder.File("other") }, Two),
            (resumed with { Options = resumed.Options with { Text = new() { Typos = 0.1 } } }, Two), (resumed with { Options = resumed.Options with { Method = FineTuneMethod.Lora, Targets = ["q_proj"] } }, Two),
            (resumed, new EnsembleOptions(EnsembleMethod.Soup, 2)), (resumed, new EnsembleOptions(EnsembleMethod.Bagging, 3)),
        ];
        foreach ((TaskTraining other, EnsembleOptions options) in others)
            Assert.Contains("of another ensemble", Refused(() => new EnsembleTrainer(other, options).Run()), StringComparison.Ordinal);
        Assert.Contains("an unfinished run is there", Refused(() => new TaskTrainer(_training).Run()), StringComparison.Ordinal);
        Assert.Contains("of several models", Refused(() => new TaskTrainer(resumed).Run()), StringComparison.Ordinal);
        Assert.Equal(before, State());
        new EnsembleTrainer(resumed, Two).Run(new Trained("0: train"));
        new EnsembleTrainer(_training with { Output = _folder.File("whole") }, Two).Run();
        Assert.Equal(File.ReadAllBytes(_folder.File("whole/members/1/model.safetensors")), File.ReadAllBytes(_folder.File("out/members/1/model.safetensors")));
        Assert.False(Directory.Exists(_folder.File("out.work")));
    }

    [Fact]
    public void Force_starts_over_whatever_kind_of_run_was_there()
    {
        Interrupt(progress => new EnsembleTrainer(_training, Two).Run(progress, progress.Token), p => p.Stage.StartsWith("1:", StringComparison.Ordinal));
        TaskTraining other = _training with { Seed = 2, Force = true };
        new EnsembleTrainer(other, Two).Run();
        new EnsembleTrainer(other with { Output = _folder.File("whole") }, Two).Run();
        Assert.Equal(File.ReadAllBytes(_folder.File("whole/members/0/model.safetensors")), File.ReadAllBytes(_folder.File("out/members/0/model.safetensors")));
    }

    [Fact]
    public void A_single_models_unfinished_run_is_seen_by_an_ensemble()
    {
        Interrupt(progress => new TaskTrainer(_training).Run(progress, progress.Token), p => p is { Stage: "train", Done: 2 });
        string[] before = State();
        Assert.Contains(before, f => f.StartsWith(RunFolder.CheckpointName, StringComparison.Ordinal));
        Assert.Contains("an unfinished run is there", Refused(() => new EnsembleTrainer(_training, Two).Run()), StringComparison.Ordinal);
        Assert.Contains("of one model alone", Refused(() => new EnsembleTrainer(_training with { Resume = true }, Two).Run()), StringComparison.Ordinal);
        Assert.Equal(before, State());
        new TaskTrainer(_training with { Resume = true }).Run();
        Assert.False(Directory.Exists(_folder.File("out.work")));
    }

    [Fact]
    public void An_ensemble_that_trained_nothing_leaves_nothing()
    {
        Interrupt(progress => new EnsembleTrainer(_training, Two).Run(progress, new CancellationToken(canceled: true)), _ => false);
        Assert.False(Directory.Exists(_folder.File("out.work")));
    }

    /// <summary>A text beyond the context is cut, also where the settings would take more of it.</summary>
    [Theory]
    [InlineData(EnsembleMethod.Soup)]
    [InlineData(EnsembleMethod.GreedySoup)]
    public void A_soup_reads_no_more_than_its_context(EnsembleMethod method)
    {
        File.AppendAllLines(_folder.File("train.jsonl"), Enumerable.Range(0, 20).Select(i => $$"""{"text": "{{string.Concat(Enumerable.Repeat($"{i} things ", 200))}}", "label": "bad"}"""));
        int context = ModelFolder.Load(_training.Base).Transformer.Spec.ContextLength;
        new EnsembleTrainer(_training with { Options = _training.Options with { MaxTokens = 4 * context } }, new EnsembleOptions(method, 2)).Run();
        Assert.Equal(context, ModuleFolder.Tasks(_training.Output).Single().MaxTokens);
    }

    private TaskSource Source(string file) => new() { Name = "mood", Kind = TaskKind.Classify, Train = [_folder.File(file)], Test = [_folder.File("test.jsonl")] };

    // At a place that the run itself names, not at a time.
    private static void Interrupt(Action<StopWhen> run, Func<ProgressReport, bool> when)
    {
        using var stop = new StopWhen(when);
        Assert.ThrowsAny<OperationCanceledException>(() => run(stop));
    }

    private static string Refused(Action run)
    {
        string message = Assert.Throws<CleaveException>(run).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }

    private string[] State()
    {
        string work = _folder.File("out.work");
        return [.. Directory.GetFiles(work, "*", SearchOption.AllDirectories).Where(f => !Path.GetFileName(f).StartsWith(FolderLock.FileName, StringComparison.Ordinal))
            .Select(f => $"{Path.GetRelativePath(work, f)} {Hashing.Sha256File(f)}").Order(StringComparer.Ordinal)];
    }

    private sealed class StopWhen(Func<ProgressReport, bool> when) : IProgress<ProgressReport>, IDisposable
    {
        private readonly CancellationTokenSource _cancel = new();

        public CancellationToken Token => _cancel.Token;

        public void Report(ProgressReport value)
        {
            if (when(value))
                _cancel.Cancel();
        }

        public void Dispose() => _cancel.Dispose();
    }

    /// <summary>Refuses that something is trained again.</summary>
    private sealed class Trained(string stage) : IProgress<ProgressReport>
    {
        public void Report(ProgressReport value) => Assert.NotEqual(stage, value.Stage);
    }
}
