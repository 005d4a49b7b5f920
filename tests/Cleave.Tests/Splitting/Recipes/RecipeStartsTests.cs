using Cleave.Data;
using Cleave.Models;
using Cleave.Splitting.Recipes;
using Cleave.Tuning;

namespace Cleave.Tests.Splitting.Recipes;

public class RecipeStartsTests
{
    private static readonly TransformerSpec Monolith = TransformerSpec.Uniform(vocabulary: 100, width: 64, layers: 4, heads: 4, kvHeads: 4, feedForward: 256, context: 64);

    [Theory]
    [InlineData(TaskKind.Generate)]
    [InlineData(TaskKind.Extract)]
    [InlineData(TaskKind.Classify)]
    public void Starts_are_in_the_space_and_narrowed_to_the_budget(TaskKind kind)
    {
        Recipe[] free = Starts(_ => true), tight = Starts(s => s.Layers.Sum(l => l.FeedForwardWidth) <= 160);
        Assert.Contains(free, r => r.Transformer is { Layers: 2, FeedForward: 128 });
        Assert.All(tight.Where(r => r.Transformer is not null), r => Assert.True(r.Transformer!.Layers * r.Transformer.FeedForward <= 160));
        Assert.Contains(tight, r => r.Transformer is { Layers: 2, FeedForward: 64 });
        // What no width can make cheap enough is tried at its narrowest.
        Assert.All(Starts(_ => false).Where(r => r.Transformer is not null), r => Assert.Equal(64, r.Transformer!.FeedForward));

        Recipe[] Starts(Func<TransformerSpec, bool> allows)
        {
            var scope = new RecipeScope(kind, 500, Monolith);
            return [.. RecipeStarts.Of(scope, Spaces.Of(scope), (spec, weights) => weights == WeightChoice.Q8 && allows(spec)).Select(s => Recipe.From(s))];
        }
    }

    /// <summary>What the search has begun with since the first release: the seed's path depends on it.</summary>
    [Fact]
    public void Without_a_word_in_the_project_searches_begin_as_ever()
    {
        var scope = new RecipeScope(TaskKind.Classify, 1000, Monolith);
        string[] starts = [.. RecipeStarts.Of(scope, Spaces.Of(scope), (_, _) => true).Select(s => s.ToString())];
        Assert.Equal(
        [
            "student=ngrams ngram_rows=64000 ngram_dim=64 ngram_hidden=256 ngram_bits=8 ngram_epochs=40 ngram_learning_rate=0.002 ngram_dropout=0.5 ngram_soft_weight=0.3 ngram_temperature=2",
            "student=ngrams ngram_rows=24000 ngram_dim=64 ngram_hidden=256 ngram_bits=4 ngram_epochs=40 ngram_learning_rate=0.002 ngram_dropout=0.5 ngram_soft_weight=0.3 ngram_temperature=2",
            "student=both layers=1 groups=4 feed_forward=128 weights=q8 learning_rate=0.0015 epochs=4 soft_weight=0.5 temperature=2 "
                + "ngram_rows=64000 ngram_dim=64 ngram_hidden=256 ngram_bits=4 ngram_epochs=40 ngram_learning_rate=0.002 ngram_dropout=0.5 ngram_soft_weight=0.3 ngram_temperature=2",
            "student=transformer layers=2 groups=4 feed_forward=128 weights=q8 learning_rate=0.0015 epochs=4 soft_weight=0.5 temperature=2",
        ], starts);
    }

    [Fact]
    public void What_the_project_does_not_allow_becomes_the_nearest_thing_that_it_does()
    {
        var scope = new RecipeScope(TaskKind.Classify, 1000, Monolith);
        SearchSpace space = Spaces.Of(scope, "student: [transformer, both]", "layers: {low: 3}", "weights: [q4_0, q5_0]", "temperature: [1, 3]", "optimizer: lion");
        Recipe[] starts = [.. RecipeStarts.Of(scope, space, (_, _) => true).Select(s => Recipe.From(s))];
        Assert.Equal([StudentKind.Both, StudentKind.Transformer], starts.Select(s => s.Student));
        Assert.All(starts, s =>
        {
            Assert.Equal(3, s.Transformer!.Layers);
            Assert.Equal("q4_0", s.Transformer.Weights.Name);
            Assert.Equal("gptq", s.Transformer.Rounding);
            Assert.Equal(1, s.Transformer.Temperature);
            Assert.Equal(3e-4, s.Transformer.Training.PeakLearningRate, 1e-9); // a fifth of AdamW's
        });
    }

    [Theory]
    [InlineData("vocabulary: [whole, used]", true)]
    [InlineData("vocabulary: whole", false)]
    [InlineData("epochs: 3", false)]
    public void Tokens_that_a_task_does_not_use_go_from_the_start_where_they_may(string said, bool used)
    {
        foreach (TaskKind kind in new[] { TaskKind.Classify, TaskKind.Generate })
        {
            var scope = new RecipeScope(kind, 1000, Monolith);
            Recipe[] starts = [.. RecipeStarts.Of(scope, Spaces.Of(scope, said), (_, _) => true).Select(s => Recipe.From(s))];
            Assert.All(starts.Where(s => s.Transformer is not null), s => Assert.Equal(used, s.Transformer!.UsedVocabulary));
        }
    }
}
