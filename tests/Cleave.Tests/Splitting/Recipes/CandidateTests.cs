using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Formats.HuggingFace;
using Cleave.Formats.Inspection;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Quantized;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Recipes;
using Cleave.Splitting.Studies;

namespace Cleave.Tests.Splitting.Recipes;

/// <summary>Every choice of a recipe, built, stored and read back on a tiny model.</summary>
public sealed class CandidateTests(CandidateFixture fixture) : IClassFixture<CandidateFixture>
{
    [Theory]
    [InlineData("mood", "weights: q4_0")]
    [InlineData("mood", "weights: q5_1, rounding: rtn")]
    [InlineData("mood", "weights: iq4_nl, rounding: importance")]
    [InlineData("mood", "weights: q4_1, rounding: awq+gptq")]
    [InlineData("mood", "weights: bf16, layers: 1, layers-by: loss")]
    [InlineData("mood", "layers: 1, layers-by: position")]
    [InlineData("mood", "method: lora, rank: 4")]
    [InlineData("mood", "method: dora, rank: 2")]
    [InlineData("mood", "method: ia3")]
    [InlineData("mood", "method: head")]
    [InlineData("mood", "method: last, last-layers: 1")]
    [InlineData("mood", "optimizer: lion, weight-decay: 0.2")]
    [InlineData("mood", "optimizer: muon, schedule: one-cycle")]
    [InlineData("mood", "loss: focal, focal-gamma: 1")]
    [InlineData("mood", "balance-classes: true, label-smoothing: 0.1")]
    [InlineData("mood", "attention-dropout: 0.1, residual-dropout: 0.1, layer-drop: 0.2, token-dropout: 0.1")]
    [InlineData("mood", "ema: 0.9, batch-tokens: 128")]
    [InlineData("mood", "vocabulary: used, weights: q5_0")]
    [InlineData("mood", "width: 24")]
    [InlineData("thing", "weights: q4_0, loss: focal")]
    [InlineData("thing", "vocabulary: used, width: 16")]
    [InlineData("say", "weights: q4_0")]
    [InlineData("say", "method: lora, weights: q5_0, rounding: rtn")]
    [InlineData("say", "vocabulary: used, label-smoothing: 0.1")]
    [InlineData("say", "width: 24, layers-by: loss")]
    public void A_choice_is_built_stored_and_read_back_the_same_each_time(string task, string choices)
    {
        string student = task == "mood" ? "student: transformer, " : "";
        (Recipe recipe, _) = fixture.First(task, $"{{{student}epochs: 1, {choices}}}");
        Candidate first = fixture.Build(task, recipe), second = fixture.Build(task, recipe);
        string[] files = [.. Directory.GetFiles(first.Folder).Select(f => Path.GetFileName(f)!)];
        Assert.All(files, f => Assert.Equal(File.ReadAllBytes(Path.Combine(first.Folder, f)), File.ReadAllBytes(Path.Combine(second.Folder, f))));
        Assert.True(first.CostNanoseconds > 0 && first.CostNanoseconds == second.CostNanoseconds);
        Assert.InRange(fixture.Price(task, recipe) / first.CostNanoseconds, 0.95, 1.05); // blocks are padded, and a few tokens more are kept than are read

        IReadOnlyList<Example> items = fixture.Task(task).Data.Validation;
        using ITaskModule module = ModuleFolder.Load(first.Folder)[0], again = ModuleFolder.Load(second.Folder)[0];
        Assert.Equal(first.Bytes, module.WeightBytes);
        Assert.Equal(recipe.Transformer!.Weights.Mix is not null, files.Contains(BlockFileNames.Weights));
        Assert.Equal(!files.Contains(BlockFileNames.Weights), files.Contains(ModelFolder.Weights));
        Prediction[] a = [.. module.Predict(items)], b = [.. again.Predict(items)];
        Assert.Equal(a.Select(Show), b.Select(Show));
        // What was watched while it trained is the same student, before it was rounded: 200 or 64 of the items, one metric.
        double quality = fixture.Task(task).Definition.Metric.Score(items, a).Value();
        Assert.InRange(quality, first.Curve[^1].Quality - 0.25, first.Curve[^1].Quality + 0.25);

        static string Show(Prediction p) => $"{p.Label}|{p.Text}|{string.Join(',', p.Spans)}|{p.Confidence:R}";
    }

    /// <summary>The trained and the merged student are told apart from an untrained one by what they have learnt.</summary>
    [Theory]
    [InlineData("weights: q8")]
    [InlineData("weights: q4_0")]
    [InlineData("weights: q8, method: lora")]
    [InlineData("weights: q8, optimizer: lion")]
    public void A_student_learns_its_task(string choices)
    {
        (Recipe recipe, _) = fixture.First("mood", $"{{student: transformer, epochs: 6, {choices}}}");
        Candidate candidate = fixture.Build("mood", recipe);
        using ITaskModule module = ModuleFolder.Load(candidate.Folder)[0];
        IReadOnlyList<Example> items = fixture.Task("mood").Data.Test;
        Assert.InRange(items.Zip(module.Predict(items)).Count(p => p.First.Label == p.Second.Label), items.Count * 8 / 10, items.Count);
    }

    [Fact]
    public void Fewer_bits_and_smaller_tables_are_fewer_bytes()
    {
        long q8 = Bytes("weights: q8"), bf16 = Bytes("weights: bf16"), q4 = Bytes("weights: q4_0"), used = Bytes("weights: q8, vocabulary: used"), narrow = Bytes("weights: bf16, width: 16");
        Assert.True(q4 < q8 && q8 < bf16 && used < q8 && narrow < bf16);

        long Bytes(string choices) => fixture.Build("say", fixture.First("say", $"{{epochs: 1, {choices}}}").Recipe).Bytes;
    }

    [Fact]
    public void A_module_in_blocks_is_what_its_file_says_and_a_damaged_one_is_refused()
    {
        (Recipe recipe, _) = fixture.First("mood", "{student: transformer, epochs: 1, weights: q4_0}");
        Candidate candidate = fixture.Build("mood", recipe);
        string blocks = Path.Combine(candidate.Folder, BlockFileNames.Weights);
        Transformer ours = ModelFolder.LoadTransformer(candidate.Folder, frozen: true), theirs = GgufModel.Load(blocks);
        Assert.Contains(ours.Weights(), w => w.Weight is QuantizedLinear { Weight.Format: BlockFormat.Q4_0 });
        Assert.Equal(theirs.Weights().Select(w => w.Name), ours.Weights().Select(w => w.Name));
        InspectedModel inspected = ModelInspector.Inspect(candidate.Folder);
        Assert.Contains(inspected.Tensors, t => t.DType == "Q4_0");
        Assert.Contains(inspected.Tensors, t => t.Name == "heads.mood.weight");
        Assert.Equal(ModelFolder.Load(candidate.Folder).Parameters, inspected.Parameters);

        string config = Path.Combine(candidate.Folder, ModelFolder.Config), text = File.ReadAllText(config);
        File.WriteAllText(config, text.Replace("\"rope_theta\": 10000", "\"rope_theta\": 500000", StringComparison.Ordinal));
        Refused("model.gguf: is another model than config.json tells of");
        File.WriteAllText(config, text.Replace("\"model.gguf\"", "\"../other.gguf\"", StringComparison.Ordinal));
        Refused("weights in blocks are in model.gguf");
        File.WriteAllText(config, text);
        File.WriteAllBytes(blocks, File.ReadAllBytes(blocks)[..^100]);
        Refused("model.gguf");
        File.Delete(blocks);
        Refused("model.gguf");

        void Refused(string words)
        {
            string said = Assert.ThrowsAny<CleaveException>(() => ModuleFolder.Load(candidate.Folder)).Message;
            Assert.Contains(words, said, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', said);
        }
    }

    [Fact]
    public void Too_few_texts_to_calibrate_on_are_said()
    {
        var few = Assert.Throws<CleaveException>(() => new Cleave.Compression.Calibration.CalibrationText([[1, 2, 3]], 100, 64));
        Assert.Contains("3 tokens and at least 64", few.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("student: ngrams, ngram-rows: 1000, ngram-dim: 32")]
    [InlineData("student: ngrams, ngram-rows: 40, ngram-hidden: 0")]
    [InlineData("student: both, ngram-rows: 200, layers: 1, groups: 1, feed-forward: 16")]
    public void What_n_grams_cost_is_known_before_they_are_trained(string choices)
    {
        (Recipe recipe, _) = fixture.First("mood", $"{{ngram-epochs: 1, {choices}}}");
        Assert.Equal(fixture.Build("mood", recipe).CostNanoseconds, fixture.Price("mood", recipe), 1e-6);
    }
}
