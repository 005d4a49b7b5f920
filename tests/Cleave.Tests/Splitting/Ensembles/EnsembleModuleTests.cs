using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Models.Bag;
using Cleave.Splitting.Modules;
using Cleave.Training.Bag;
using Cleave.Training.Ensembles;

namespace Cleave.Tests.Splitting.Ensembles;

public sealed class EnsembleModuleTests : IDisposable
{
    private static readonly Example[] Items = [new() { Text = "a" }, new() { Text = "b" }];
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-ensemble").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_mean_is_of_calibrated_probabilities_and_everything_is_charged()
    {
        Fixed first = new([2, 0], [0, 4]) { Temperature = 2 }, second = new([0, 0], [3, 0]);
        using var both = new EnsembleModule("mood", [first, second], Combination.Mean);
        IReadOnlyList<float[]> logits = both.Logits(Items);
        double expected = (1 / (1 + Math.Exp(-1)) + 0.5) / 2; // softmax([2, 0] / 2) and softmax([0, 0])
        Assert.Equal(expected, Math.Exp(logits[0][0]), 1e-6);
        Assert.Equal(1, logits[0].Sum(z => Math.Exp(z)), 1e-6);
        Assert.Equal(first.WeightBytes + second.WeightBytes, both.WeightBytes);
        Assert.Equal(first.Parameters + second.Parameters, both.Parameters);
        Assert.Equal((1, 1), (first.Calls, second.Calls)); // each reads every text
    }

    [Fact]
    public void Votes_and_a_regression_combine_as_they_say()
    {
        Fixed first = new([2, 0], [0, 4]), second = new([0, 1], [3, 0]);
        using var votes = new EnsembleModule("mood", [first, second], Combination.Vote, [0.5, 2]);
        Assert.Equal([0.5f, 2], votes.Logits(Items)[0]);
        Assert.Equal(["bad", "good"], votes.Predict(Items).Select(p => p.Label));
        Assert.Equal(first.WeightBytes + second.WeightBytes + 8, votes.WeightBytes);
        var stacker = new Stacker([-4, 3, 0.5f], 2, 2);
        using var stack = new EnsembleModule("mood", [first, second], Combination.Stack, stacker: stacker);
        double p = 1 / (1 + Math.Exp(2)), q = 1 / (1 + Math.Exp(-1));
        Assert.Equal(-4 * p + 3 * q + 0.5, stack.Logits(Items)[0][1], 1e-5);
        Assert.Throws<ArgumentException>(() => new EnsembleModule("mood", [first, second], Combination.Vote, [1]));
        Assert.Throws<ArgumentException>(() => new EnsembleModule("mood", [first], Combination.Stack, stacker: stacker));
        Assert.Throws<ArgumentException>(() => new EnsembleModule("mood", [], Combination.Mean));
    }

    [Fact]
    public void A_folder_gives_back_what_was_written()
    {
        Write(Combination.Vote, 2, [1, 3]);
        using var module = (EnsembleModule)ModuleFolder.Load(_folder)[0];
        Assert.Equal((2, Combination.Vote, 1.5), (module.Members.Count, module.Combination, module.Temperature));
        Example[] text = [new() { Text = "the lamp was great" }];
        using ITaskModule second = ModuleFolder.Load(EnsembleFolder.Member(_folder, 1))[0];
        Assert.Equal(second.Predict(text)[0].Label, module.Predict(text)[0].Label); // it has three votes of four
    }

    [Theory]
    [InlineData("\"members\": 2", "\"members\": 0")]
    [InlineData("\"members\": 2", "\"members\": 100000")]
    [InlineData("\"members\": 2", "\"members\": 3")]
    [InlineData("\"vote\"", "\"1\"")]
    [InlineData("\"vote\"", "\"stack\"")]
    [InlineData("      3\n", "      3, 4\n")]
    public void A_damaged_description_is_refused(string from, string to)
    {
        Write(Combination.Vote, 2, [1, 3]);
        string path = Path.Combine(_folder, ModuleFolder.Description), text = File.ReadAllText(path);
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(from, to, StringComparison.Ordinal));
        Assert.ThrowsAny<CleaveException>(() => ModuleFolder.Load(_folder));
    }

    [Fact]
    public void An_ensemble_of_ensembles_is_refused()
    {
        Write(Combination.Mean, 1, null);
        string inner = EnsembleFolder.Member(_folder, 0), path = Path.Combine(_folder, ModuleFolder.Description);
        File.Copy(path, Path.Combine(inner, ModuleFolder.Description), overwrite: true);
        Assert.Contains("ensemble itself", Assert.ThrowsAny<CleaveException>(() => ModuleFolder.Load(_folder)).Message, StringComparison.Ordinal);
    }

    private void Write(Combination combination, int members, double[]? votes)
    {
        string[] labels = ["bad", "good"];
        string[] texts = [.. Enumerable.Range(0, 40).Select(i => $"the lamp {i} was {(i % 2 == 0 ? "awful" : "great")}")];
        for (int m = 0; m < members; m++)
        {
            string place = EnsembleFolder.Member(_folder, m);
            Directory.CreateDirectory(place);
            // The second one learnt the labels the wrong way round.
            int turned = m;
            var options = new BagTrainingOptions { Dim = 8, Hidden = 0, Epochs = 20, FeatureDropout = 0.2f, Seed = 3 };
            BagClassifier.From(BagTrainer.Train(options, new LabelledTexts(texts, [.. texts.Select((_, i) => (i + turned) % 2)]), 2).Model, labels).Save(place);
            ModuleFolder.Write(place, "mood", [new ModuleTask("mood", TaskKind.Classify, labels, 64, 0, 1, null)], []);
        }
        ModuleFolder.Write(_folder, "mood", [new ModuleTask("mood", TaskKind.Classify, labels, 64, 0, 1.5, null)], EnsembleFolder.Describe(combination, members, votes));
    }

    /// <summary>A classifier whose logits are given.</summary>
    private sealed class Fixed(params float[][] logits) : IClassifierModule
    {
        public int Calls { get; private set; }
        public string Task => "mood";
        public TaskKind Kind => TaskKind.Classify;
        public IReadOnlyList<string> Labels { get; } = ["good", "bad"];
        public long WeightBytes => 1000;
        public long Parameters => 250;
        public double Temperature { get; set; } = 1;

        public IReadOnlyList<float[]> Logits(IReadOnlyList<Example> items, CancellationToken cancellation = default)
        {
            Calls++;
            return [.. items.Select((_, i) => logits[i].ToArray())];
        }

        public IReadOnlyList<Prediction> Predict(IReadOnlyList<Example> items, CancellationToken cancellation = default) => throw new NotSupportedException();

        public void Dispose() { }
    }
}
