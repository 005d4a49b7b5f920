using Cleave.Data;
using Cleave.Models;
using Cleave.Proposing;
using Cleave.Splitting.Recipes;
using Cleave.Training.FineTuning.Options;
using Cleave.Tuning;
using Cleave.Tuning.Samplers;

namespace Cleave.Tests.Splitting.Recipes;

public class RecipeSpaceTests
{
    private static readonly TransformerSpec Starter = TransformerSpec.Uniform(vocabulary: 4096, width: 256, layers: 4, heads: 8, kvHeads: 4, feedForward: 688, context: 256);
    private static readonly RecipeScope Classify = new(TaskKind.Classify, 1000, Starter), Generate = Classify with { Kind = TaskKind.Generate };

    /// <summary>The space since the first release, and its order: a seed's trials depend on both.</summary>
    [Fact]
    public void Without_a_word_in_the_project_the_space_is_as_ever()
    {
        Assert.Equal("""
            {"layers":{"type":"int","low":1,"high":4},"groups":{"type":"int","low":1,"high":4},"feed_forward":{"type":"int","low":160,"high":688,"step":16},"weights":{"type":"categorical","choices":["q8","bf16"]},"learning_rate":{"type":"float","low":0.0003,"high":0.004,"log":true},"epochs":{"type":"int","low":2,"high":6},"soft_weight":{"type":"float","low":0,"high":1},"temperature":{"type":"categorical","choices":[1,2,4]}}
            """.Trim(), SearchSpaceJson.Write(Spaces.Of(Generate)).ToJsonString());
        const string T = ""","when":{"student":["transformer","both"]}}""", N = ""","when":{"student":["ngrams","both"]}}""";
        Assert.Equal("""{"student":{"type":"categorical","choices":["ngrams","transformer","both"]},"layers":{"type":"int","low":1,"high":4""" + T
            + ""","groups":{"type":"int","low":1,"high":4""" + T + ""","feed_forward":{"type":"int","low":160,"high":688,"step":16""" + T
            + ""","weights":{"type":"categorical","choices":["q8","bf16"]""" + T + ""","learning_rate":{"type":"float","low":0.0003,"high":0.004,"log":true""" + T
            + ""","epochs":{"type":"int","low":2,"high":6""" + T + ""","soft_weight":{"type":"float","low":0,"high":1""" + T + ""","temperature":{"type":"categorical","choices":[1,2,4]""" + T
            + ""","ngram_rows":{"type":"int","low":1000,"high":64000,"log":true""" + N + ""","ngram_dim":{"type":"categorical","choices":[32,64,96]""" + N
            + ""","ngram_hidden":{"type":"categorical","choices":[0,128,256]""" + N + ""","ngram_bits":{"type":"categorical","choices":[8,4]""" + N
            + ""","ngram_epochs":{"type":"int","low":20,"high":80,"log":true""" + N + ""","ngram_learning_rate":{"type":"float","low":0.001,"high":0.006,"log":true""" + N
            + ""","ngram_dropout":{"type":"float","low":0.2,"high":0.8""" + N + ""","ngram_soft_weight":{"type":"float","low":0,"high":1""" + N
            + ""","ngram_temperature":{"type":"categorical","choices":[1,2,4]""" + N + "}", SearchSpaceJson.Write(Spaces.Of(Classify)).ToJsonString());
    }

    [Fact]
    public void Values_lists_and_ranges_take_the_place_of_what_is_usual()
    {
        SearchSpace space = Spaces.Of(Classify, "student: transformer", "layers: [1, 2]", "epochs: {low: 1, high: 12, step: 2}", "learning-rate: {low: 1e-4}", "weights: [q8, q4_k_m]", "label-smoothing: 0.1",
            "feed-forward: {high: 320}");
        Assert.Equal("student layers groups feed_forward weights learning_rate epochs soft_weight temperature rounding label_smoothing", string.Join(' ', space.Parameters.Select(p => p.Name)));
        Assert.Equal("transformer", space.Parameters[0].Describe());
        Assert.Equal("1, 2", space.Parameters[1].Describe());
        Assert.Equal("160 to 320 in steps of 16", space.Parameters[3].Describe());
        Assert.Equal("0.0001 to 0.004, logarithmic", space.Parameters[5].Describe());
        Assert.Equal("1 to 11 in steps of 2", space.Parameters[6].Describe());
        Assert.Equal("rtn, gptq", space.Parameters[9].Describe());
        Assert.Equal(["q4_k_m"], space.Parameters[9].When.Single().Values.Select(v => v.AsText())); // no rounding to choose at 8 bits
        Assert.Equal("0.1", space.Parameters[10].Describe());
    }

    [Theory]
    [InlineData("tpe")]
    [InlineData("auto")]
    [InlineData("gp")]
    [InlineData("cma-es")]
    [InlineData("nsga2")]
    [InlineData("sobol")]
    [InlineData("random")]
    public void Every_sampler_draws_recipes_of_a_wide_space(string sampler)
    {
        SearchSpace space = Spaces.Of(Classify, "student: [transformer, both]", "layers: 2", "weights: [q8, q4_0, q5_1]", "method: [full, last, lora]", "optimizer: [adamw, lion]", "loss: [cross-entropy, focal]",
            "label-smoothing: {low: 0, high: 0.2}");
        var study = new Study(new StudyDefinition("wide", space, [Direction.Maximize, Direction.Minimize, Direction.Minimize], 5), SamplerNames.Create(sampler, ProposerModel.Shipped));
        bool roundings = false, ranks = false;
        study.Run(run =>
        {
            ParameterSet set = run.Parameters;
            Assert.Empty(space.Problems(set));
            TransformerRecipe recipe = Recipe.From(set).Transformer!;
            Assert.Equal(recipe.Weights.Mix is not null, set.Contains("rounding"));
            Assert.Equal(recipe.Training.Method == FineTuneMethod.Lora, set.Contains("rank"));
            Assert.Equal(recipe.Training.Loss == LossKind.Focal, set.Contains("focal_gamma"));
            (roundings, ranks) = (roundings || set.Contains("rounding"), ranks || set.Contains("rank"));
            return TrialOutcome.Complete(set["learning_rate"].AsDouble(), recipe.FeedForward, 1);
        }, 24);
        Assert.True(roundings && ranks);
    }

    [Theory]
    [InlineData("layers: 6", "layers is a whole number from 1 to 4 here, not '6'")]
    [InlineData("layers: 1.5", "layers is a whole number")]
    [InlineData("layers: {low: 3, high: 2}", "has a low end of 3 above its high end of 2")]
    [InlineData("layers: {low: 1, high: 9}", "layers reaches from 1 to 9; here it can be 1 to 4")]
    [InlineData("layers: {lo: 1}", "did you mean 'low'?")]
    [InlineData("layers: {low: one}", "needs a number for 'low', not 'one'")]
    [InlineData("soft-weight: {low: 0, high: 1, log: true}", "cannot be logarithmic from 0 on")]
    [InlineData("weights: q4_1_m", "did you mean 'q4_k_m'?")]
    [InlineData("weights: {low: 4, high: 8}", "is a choice, not a range")]
    [InlineData("optimizer: adamv", "did you mean 'adamw'?")]
    [InlineData("rank: 8", "rank plays a part only where 'method' can be lora or dora")]
    [InlineData("ngram-bits: 3", "ngram-bits cannot be '3' here")]
    [InlineData("encoder-layers: 2", "encoder-layers needs a base with an encoder besides its decoder")]
    public void What_cannot_be_had_is_refused_in_words(string line, string words) =>
        Assert.Contains(words, Assert.Single(Spaces.Read(Classify, line).Problems), StringComparison.Ordinal);

    [Fact]
    public void What_does_not_fit_the_task_or_the_base_says_why()
    {
        Assert.Contains("loss is for tasks of the kind classify or extract", Assert.Single(Spaces.Read(Generate, "loss: focal").Problems), StringComparison.Ordinal);
        RecipeScope narrow = Classify with { Model = Starter with { Width = 96 } };
        Assert.Contains("'q4_k_m' has blocks of 256 weights, which do not divide the model's width of 96; take a type with blocks of 32", Assert.Single(Spaces.Read(narrow, "weights: q4_k_m").Problems), StringComparison.Ordinal);
        RecipeScope bert = Classify with { Model = Starter with { Family = "bert", Bidirectional = true, NormPlace = NormPlace.AfterSum } };
        Assert.Contains("needs a model that GGUF files have a form for, which bert models have not", Assert.Single(Spaces.Read(bert, "weights: q4_0").Problems), StringComparison.Ordinal);
        Assert.Contains("width needs a base with RMS norms", Assert.Single(Spaces.Read(bert, "width: 64").Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_training_section_says_holds_for_students()
    {
        RecipeScope scope = Generate with
        {
            Training = new FineTuneOptions { Method = FineTuneMethod.Lora, Rank = 4, Epochs = 3, Optimizer = new OptimizerOptions { Beta2 = 0.95 } },
            Given = new Dictionary<string, string> { ["method"] = "lora", ["rank"] = "4", ["epochs"] = "3", ["beta2"] = "0.95" },
        };
        SearchSpace space = Spaces.Of(scope, "rank: [2, 8]");
        Assert.Equal(["3", "lora", "2, 8"], space.Parameters.Where(p => p.Name is "epochs" or "method" or "rank").Select(p => p.Describe()));
        FineTuneOptions training = Recipe.From(RecipeStarts.Of(scope, space, (_, _) => true).First(), scope.Training).Transformer!.Training;
        Assert.Equal((FineTuneMethod.Lora, 2, 3, 0.95), (training.Method, training.Rank, training.Epochs, training.Optimizer.Beta2));

        RecipeScope waiting = Generate with { Training = new FineTuneOptions { Schedule = new ScheduleOptions { Name = "plateau" } }, Given = new Dictionary<string, string> { ["schedule"] = "plateau" } };
        Assert.Contains("say search.space.schedule", Assert.Single(Spaces.Read(waiting).Problems), StringComparison.Ordinal);
        Assert.Empty(Spaces.Read(waiting, "schedule: cosine").Problems);
    }

    [Fact]
    public void A_recipe_is_told_in_words()
    {
        SearchSpace space = Spaces.Of(Classify, "student: both", "weights: q4_0", "layers-by: loss", "method: lora", "rank: 4", "loss: focal", "vocabulary: used", "width: 128");
        string text = RecipeText.Of(Recipe.From(RecipeStarts.Of(Classify, space, (_, _) => true).First()), Starter);
        foreach (string part in (string[])["1 of 4 layers, those that the task's loss needs most", "all 4 key-value groups", "336 of 688 feed-forward neurons", "128 of 256 channels", "do not use are gone",
            "LoRA of rank 4", "50% of the loss", "focal loss", "Q4_0 in a GGUF file, rounded by gptq", "at most 64000 rows of 64 in 4 bits"])
            Assert.Contains(part, text, StringComparison.Ordinal);
    }
}
