using System.Text;
using Cleave.Data;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Serving;
using Cleave.Splitting;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Recipes;
using Cleave.Splitting.Releases;
using Cleave.Splitting.Studies;
using Cleave.Tests.Models;
using Cleave.Tuning;

namespace Cleave.Tests.Splitting;

/// <summary>A whole split of a tiny encoder–decoder: a task that it answers, and one that its encoder judges.</summary>
public sealed class AnswerSplitTests : IDisposable
{
    private static readonly string[] Goods = ["parcel", "order", "refund", "phone"];
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-t5-split").FullName;

    public AnswerSplitTests() => ModelFolder.Save(Path.Combine(_folder, "base"), T5Cases.Create(), WeightType.BF16);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_split_gives_modules_that_answer_and_judge_and_are_served()
    {
        Write("what", 160, 40, (rng, good) => $"\"target\": \"{good}\"");
        Write("loud", 160, 40, (rng, good) => $"\"label\": \"{(good.Length % 2 == 0 ? "even" : "odd")}\"");
        Project("""
              what: {kind: generate, train: what.train.jsonl, test: what.test.jsonl, metric: exact-match, margin: 0.9}
              loud: {kind: classify, train: loud.train.jsonl, test: loud.test.jsonl, metric: accuracy, margin: 0.9}
            """);
        SplitResult split = Split("release");
        Assert.Equal(2, split.Tasks.Count);
        using ITaskModule what = ModuleFolder.Load(Module(split, "what"))[0];
        LanguageModel answering = ((TransformerModule)what).Model;
        Assert.NotNull(answering.Transformer.Encoder);
        Assert.True(answering.Parameters < T5Cases.Create().Parameters);
        // The chosen module may be of n-grams alone: every one with a transformer has the encoder alone.
        string[] judges = [.. Directory.GetFiles(_folder, ModelFolder.Config, SearchOption.AllDirectories).Where(f => f.Contains("loud", StringComparison.Ordinal)
            && File.ReadAllText(f).Contains("\"t5\"", StringComparison.Ordinal))];
        Assert.All(judges, f => Assert.Contains("T5EncoderModel", File.ReadAllText(f), StringComparison.Ordinal));

        using Release release = Release.Open(split.Folder);
        using var host = new ReleaseHost(release, DateTimeOffset.UnixEpoch);
        ModuleResult plain = Ask(host, new ModuleRequest { Module = "what", Prompt = "17 where is my parcel" });
        ModuleResult said = Ask(host, new ModuleRequest { Module = "what", Messages = [new ChatMessage(ChatRole.User, "17 where is my parcel")] });
        Assert.Equal(plain.Text, said.Text);
        Assert.Equal(what.Predict([new Example { Text = "17 where is my parcel" }])[0].Text, plain.Text);
        Assert.Contains(Ask(host, new ModuleRequest { Module = "loud", Prompt = "where is my parcel" }).Text, (string[])["even", "odd"]);
    }

    [Fact]
    public void A_text_to_continue_is_refused_before_anything_is_made()
    {
        Write("text", 60, 20, (_, good) => $"\"note\": \"{good}\"");
        Project("  text: {kind: language-model, train: text.train.jsonl, test: text.test.jsonl}");
        string said = Assert.Throws<ProjectException>(() => Split("release")).Message;
        Assert.Contains("tasks.text.kind: 'language-model' needs a base that continues texts, but base (t5) answers them", said, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', said);
        Assert.False(Directory.Exists(Path.Combine(_folder, "release.work")));
    }

    [Fact]
    public void The_search_chooses_the_layers_of_both_stacks()
    {
        TransformerSpec spec = T5Cases.Create(encoderLayers: 6, layers: 4).Transformer.Spec;
        var scope = new RecipeScope(TaskKind.Generate, 500, spec);
        SearchSpace space = RecipeSpace.Of(scope, [], (_, reason) => Assert.Fail(reason), (_, reason) => Assert.Fail(reason));
        Recipe[] starts = [.. RecipeStarts.Of(scope, space, (_, _) => true).Select(s => Recipe.From(s))];
        Assert.Contains(starts, r => r.Transformer is { Layers: 2, EncoderLayers: 3 });
        Assert.Contains(starts, r => r.Transformer is { Layers: 1, EncoderLayers: 1 });
        double Cost(TransformerSpec of, double tokens = 10) => CostModel.Transformer(of, WeightChoice.Q8, 60, tokens, 0, TaskKind.Generate);
        TransformerSpec lessRead = spec with { Encoder = spec.Encoder! with { Layers = [.. spec.Encoder!.Layers.Take(3)] } }, lessWritten = spec with { Layers = [.. spec.Layers.Take(2)] };
        Assert.True(Cost(lessRead) < Cost(spec) && Cost(lessWritten) < Cost(spec));
        Assert.InRange(Cost(spec, 20), Cost(spec) * 1.2, Cost(spec) * 1.99); // the source is read once
    }

    private static ModuleResult Ask(ReleaseHost host, ModuleRequest request) => host.Run(request, new Silence(), CancellationToken.None);

    private static string Module(SplitResult split, string task) => Path.Combine(split.Folder, "modules", task);

    private SplitResult Split(string output) =>
        new Splitter(ProjectReader.Load(_folder), new SplitOptions(Path.Combine(_folder, output), false, false, "cleave split t5", PublishUncertified: true), TimeProvider.System).Run();

    private void Project(string tasks) => File.WriteAllText(Path.Combine(_folder, SplitProject.FileName), $$"""
        name: answers
        base: base
        seed: 3
        tasks:
        {{tasks}}
        monolith: {epochs: 2, batch-tokens: 256, learning-rate: 0.002}
        search: {trials: 3, sampler: random}
        """);

    private void Write(string name, int train, int test, Func<Rng, string, string> answer)
    {
        var rng = new Rng(4);
        foreach ((string part, int rows) in new[] { ("train", train), ("test", test) })
        {
            var text = new StringBuilder();
            for (int i = 0; i < rows; i++)
            {
                string good = Goods[rng.NextInt(Goods.Length)];
                text.Append($"{{\"text\": \"{i}{(part == "test" ? 7 : 3)} where is my {good}\", {answer(rng, good)}}}\n");
            }
            File.WriteAllText(Path.Combine(_folder, $"{name}.{part}.jsonl"), text.ToString());
        }
    }

    private sealed class Silence : IResultSink
    {
        public void Chosen(ModuleChoice choice) { }
        public void Text(string piece) { }
    }
}
