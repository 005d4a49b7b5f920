using System.Text.Json;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Releases;
using Cleave.Tests.Models;

namespace Cleave.Tests.Splitting;

/// <summary>Published classifiers answer as they are: PyTorch's logits of the same tokens decide what they must say.</summary>
public sealed class PublishedModelTests
{
    /// <summary>The second sequence of every case is what a tokenizer makes of a question and a text.</summary>
    private const int Pair = 1;

    private static Example PairOf(EncoderFolder folder)
    {
        int[] ids = folder.Sequences[Pair];
        return new Example { Question = EncoderFolder.Words(ids[1..3]), Text = EncoderFolder.Words(ids[4..6]) };
    }

    private static double[] Softmax(double[] logits) => [.. logits.Select(z => Math.Exp(z) / logits.Sum(Math.Exp))];

    [Theory]
    [InlineData("bert-classify", "mood")]
    [InlineData("distilbert-classify", "classify")]
    [InlineData("roberta-classify", "classify")]
    public void A_classifier_gives_the_likeliest_label(string name, string task)
    {
        using var folder = new EncoderFolder(name);
        using ModuleAnswers model = ModuleAnswers.Open(folder.Folder);
        Answer answer = model.Answer(PairOf(folder), null);
        double[] expected = Softmax(folder.Logits(Pair)[0]);
        int best = Array.IndexOf(expected, expected.Max());
        Assert.Equal(task, answer.Task);
        Assert.Equal(TaskKind.Classify, answer.Kind);
        Assert.Equal(folder.Load().Heads[0].Labels[best], answer.Prediction.Label);
        Assert.Equal(expected[best], answer.Prediction.Confidence, 1e-4);
        Assert.Contains("no task 'other'", Assert.Throws<CleaveException>(() => model.Answer(PairOf(folder), "other")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bert-tags")]
    [InlineData("xlm-roberta-tags")]
    public void A_tagger_finds_spans_and_is_as_sure_as_of_its_least_sure_token(string name)
    {
        using var folder = new EncoderFolder(name);
        using ModuleAnswers model = ModuleAnswers.Open(folder.Folder);
        Answer answer = model.Answer(PairOf(folder), "tag");
        double[][] rows = [.. folder.Logits(Pair)[4..6].Select(Softmax)];
        Assert.Equal(TaskKind.Extract, answer.Kind);
        Assert.Equal(rows.Min(r => r.Max()), answer.Prediction.Confidence, 1e-4);
        Assert.All(answer.Prediction.Spans, s => Assert.Contains(s.Label, (string[])["PER", "LOC"]));
    }

    [Fact]
    public void An_answer_is_the_best_span_or_none()
    {
        using var folder = new EncoderFolder("bert-answers");
        using ModuleAnswers model = ModuleAnswers.Open(folder.Folder);
        Example example = PairOf(folder);
        Prediction prediction = model.Answer(example, "answer").Prediction;
        double[][] rows = [folder.Logits(Pair)[0], .. folder.Logits(Pair)[4..6]];
        (int First, int Last)[] all = [(0, 0), (1, 1), (1, 2), (2, 2)];
        (int first, int last) = all.MaxBy(p => rows[p.First][0] + rows[p.Last][1]);
        string[] words = example.Text.Split(' ');
        Assert.Equal(first == 0 ? "" : string.Join(' ', words[(first - 1)..last]), prediction.Text);
        Assert.Equal(Softmax([.. rows.Select(r => r[0])])[first] * Softmax([.. rows.Select(r => r[1])])[last], prediction.Confidence, 1e-4);
    }

    [Fact]
    public void A_model_without_a_head_answers_for_no_task()
    {
        using var folder = new EncoderFolder("bert");
        Assert.Contains("answers for no task", Assert.Throws<ModelFileException>(() => ModuleAnswers.Open(folder.Folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_text_is_cut_to_the_context_and_keeps_its_control_tokens()
    {
        using var folder = new EncoderFolder("bert-classify");
        using ModuleAnswers model = ModuleAnswers.Open(folder.Folder);
        string longest = EncoderFolder.Words(Enumerable.Repeat(7, 22)), longer = EncoderFolder.Words(Enumerable.Repeat(7, 300));
        Assert.Equal(model.Answer(new Example { Text = longest }, null).Prediction.Confidence, model.Answer(new Example { Text = longer }, null).Prediction.Confidence);
        Assert.InRange(model.Answer(new Example { Text = "" }, null).Prediction.Confidence, 0.33, 1);
        Assert.InRange(model.Answer(new Example { Question = longer, Text = longer }, null).Prediction.Confidence, 0.33, 1);
    }
}
