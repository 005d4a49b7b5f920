using Cleave.Formats.TensorBoard;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Training.Pretraining;

namespace Cleave.Tests.Training;

public sealed class PretrainerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-pretrain").FullName;

    public PretrainerTests()
    {
        var rng = new Rng(5);
        string[] words = ["the", "cat", "dog", "sat", "on", "a", "mat", "and", "ran", "home"];
        string Document() => string.Join(' ', Enumerable.Range(0, 40).Select(_ => words[rng.NextInt(words.Length)]));
        File.WriteAllText(Path.Combine(_folder, "train.txt"), string.Join("\n\n", Enumerable.Range(0, 60).Select(_ => Document())));
        File.WriteAllText(Path.Combine(_folder, "validation.txt"), Document() + "\n\n" + Document());
        File.WriteAllText(Path.Combine(_folder, PretrainProject.FileName), """
            name: tiny
            text: train.txt
            validation: validation.txt
            model: {vocabulary: 300, width: 16, layers: 2, heads: 2, feed-forward: 32, context: 16}
            training: {tokens: 4096, batch: 4, accumulate: 2, learning-rate: 0.01, validate-every: 8, checkpoint-every: 5}
            """);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void An_interrupted_run_ends_with_the_same_weights()
    {
        PretrainResult whole = Run("whole", stopAt: int.MaxValue)!;
        Assert.Equal(32, whole.Updates);
        Assert.True(whole.ValidationLoss < Math.Log(300) - 1, $"nothing was learned: {whole.ValidationLoss}");
        PretrainResult? cut = null;
        foreach (int moment in (int[])[7, 12, 19, 31])
            cut ??= Run("cut", moment);
        cut ??= Run("cut", int.MaxValue);
        Assert.Equal(Bytes(whole), Bytes(cut!));
        Assert.Equal(whole.ValidationLoss, cut!.ValidationLoss);
    }

    [Fact]
    public void Events_hold_the_curves()
    {
        Run("events", int.MaxValue);
        var scalars = EventReader.ReadFolder(Path.Combine(_folder, "events", "events")).ToList();
        Assert.Equal(32, scalars.Count(s => s.Tag == "train/loss"));
        Assert.Equal([8L, 16, 24, 32], scalars.Where(s => s.Tag == "validation/loss").Select(s => s.Step));
    }

    [Fact]
    public void A_checkpoint_of_another_run_is_refused()
    {
        Run("state", 12);
        string file = Path.Combine(_folder, PretrainProject.FileName);
        File.WriteAllText(file, File.ReadAllText(file).Replace("0.01", "0.02", StringComparison.Ordinal));
        Assert.Contains("another run", Assert.Throws<CleaveException>(() => Run("state", int.MaxValue)).Message, StringComparison.Ordinal);
    }

    private PretrainResult? Run(string work, int stopAt)
    {
        using var stop = new CancellationTokenSource();
        try
        {
            return new Pretrainer(PretrainProject.Load(_folder), Path.Combine(_folder, work)).Run(new Watcher(r =>
            {
                if (r.Stage == "train" && r.Done >= stopAt * 128.0)
                    stop.Cancel();
            }), stop.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private byte[] Bytes(PretrainResult result)
    {
        string folder = Path.Combine(_folder, "saved" + Guid.NewGuid().ToString("N"));
        ModelFolder.Save(folder, result.Model, WeightType.F32);
        return File.ReadAllBytes(Path.Combine(folder, ModelFolder.Weights));
    }

    private sealed class Watcher(Action<ProgressReport> onReport) : IProgress<ProgressReport>
    {
        public void Report(ProgressReport value) => onReport(value);
    }
}
