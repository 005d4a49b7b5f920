using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Numerics;

namespace Cleave.Tests.Evaluation;

public class MetricTests
{
    private static readonly string[] Vocabulary = ["red", "blue", "green", "the", "old"];

    /// <summary>Random items that suit every metric, and predictions that are right about half of the time.</summary>
    private static (Example[] Examples, Prediction[] Predictions) Random(Rng rng, int n)
    {
        var examples = new Example[n];
        var predictions = new Prediction[n];
        for (int i = 0; i < n; i++)
        {
            string Text() => string.Join(' ', Enumerable.Range(0, rng.NextInt(6)).Select(_ => Vocabulary[rng.NextInt(Vocabulary.Length)]));
            TextSpan Span() => new(rng.NextInt(4), 4 + rng.NextInt(3), Vocabulary[rng.NextInt(2)]);
            examples[i] = new Example { Text = "0123456789", Label = Vocabulary[rng.NextInt(3)], Target = Text(), Spans = rng.NextInt(4) == 0 ? [] : [Span()] };
            bool right = rng.NextInt(2) == 0;
            predictions[i] = new Prediction
            {
                Label = right ? examples[i].Label : rng.NextInt(5) == 0 ? null : Vocabulary[rng.NextInt(4)],
                Text = right ? examples[i].Target : Text(),
                Spans = right ? examples[i].Spans : [Span()],
                NegativeLogLikelihood = 5 * rng.NextDouble(),
                Tokens = 1 + rng.NextInt(5),
            };
        }
        return (examples, predictions);
    }

    private static IEnumerable<Metric> Every() => Enum.GetValues<TaskKind>()
        .SelectMany(kind => Metric.Names(kind).Select(name => Metric.Parse(name, kind))).DistinctBy(m => m.Name);

    [Fact]
    public void Values_lie_within_their_bounds_and_do_not_depend_on_the_order_of_items()
    {
        var rng = new Rng(11);
        for (int round = 0; round < 40; round++)
        {
            (Example[] examples, Prediction[] predictions) = Random(rng, 1 + rng.NextInt(30));
            int[] order = [.. Enumerable.Range(0, examples.Length)];
            rng.Shuffle(order.AsSpan());
            foreach (Metric metric in Every())
            {
                IScored scored = metric.Score(examples, predictions);
                double value = scored.Value();
                (double low, double high) = metric.Name switch { "perplexity" => (1, double.MaxValue), "matthews" => (-1, 1), _ => (0, 1.0) };
                Assert.InRange(value, low - 1e-12, high + 1e-12);
                Assert.Equal(value, scored.Value(order), 1e-12);
                Assert.Equal(value, metric.Score([.. order.Select(i => examples[i])], [.. order.Select(i => predictions[i])]).Value(), 1e-12);
                Assert.Equal(value, scored.Value([.. order, .. order]), 1e-12);
            }
        }
    }

    [Fact]
    public void A_value_over_some_items_is_the_metric_of_those_items()
    {
        (Example[] examples, Prediction[] predictions) = Random(new Rng(12), 25);
        int[] items = [3, 3, 7, 24, 0, 11, 3, 19];
        foreach (Metric metric in Every().Where(m => m.Name != "f1")) // its positive class is chosen over all items
        {
            double direct = metric.Score([.. items.Select(i => examples[i])], [.. items.Select(i => predictions[i])]).Value();
            Assert.Equal(direct, metric.Score(examples, predictions).Value(items), 1e-12);
        }
    }

    [Fact]
    public void Right_answers_score_one()
    {
        (Example[] examples, _) = Random(new Rng(13), 30);
        examples = [.. examples.Select(e => e with { Target = e.Target + " red" })];
        Prediction[] right = [.. examples.Select(e => new Prediction { Label = e.Label, Text = e.Target, Spans = e.Spans, NegativeLogLikelihood = 0, Tokens = 1 })];
        Assert.All(Every(), m => Assert.Equal(1, m.Score(examples, right).Value(), 1e-12));
    }

    [Fact]
    public void Answers_of_extraction_are_read_from_spans_where_there_is_no_text()
    {
        Example[] examples = [new() { Text = "the card is lost", Target = "card", Spans = [new(4, 8, "answer")] }, new() { Text = "nothing", Target = "" }];
        Prediction[] predictions = [new() { Spans = [new(0, 8, "answer")] }, new()];
        Assert.Equal(1, Metric.ExactMatch.Score(examples, predictions).Value()); // the article does not count
        Assert.Equal(0, Metric.SpanF1.Score(examples, predictions).Value());
        Assert.Equal(0.5, Metric.ExactMatch.Score(examples, [new() { Spans = [new(90, 99, "answer")] }, new()]).Value());
    }

    [Fact]
    public void Text_in_another_script_has_words_for_rouge()
    {
        Example[] examples = [new() { Text = "", Target = "это красная карта" }];
        Assert.Equal(2.0 / 3, Metric.RougeL.Score(examples, [new Prediction { Text = "Это синяя карта" }]).Value(), 1e-12);
    }

    [Fact]
    public void Perplexity_weighs_items_by_tokens()
    {
        Example[] examples = [new() { Text = "a" }, new() { Text = "b" }];
        Prediction[] predictions = [new() { NegativeLogLikelihood = 3, Tokens = 1 }, new() { NegativeLogLikelihood = 3, Tokens = 5 }];
        Assert.Equal(Math.E, Metric.Perplexity.Score(examples, predictions).Value(), 1e-12);
        Assert.Throws<ArgumentException>(() => Metric.Perplexity.Score(examples, [new(), new()]));
    }

    [Theory]
    [InlineData("macrof1", "did you mean 'macro-f1'?")]
    [InlineData("bleu", "valid: macro-f1, accuracy, f1, matthews")]
    [InlineData("rouge-l", "does not fit this kind of task; valid: macro-f1")]
    public void Unknown_metrics_name_the_valid_ones(string name, string expected) =>
        Assert.Contains(expected, Assert.Throws<CleaveException>(() => Metric.Parse(name, TaskKind.Classify)).Message);

    [Fact]
    public void Defaults_are_listed_first()
    {
        Assert.Equal(["macro-f1", "rouge-l", "span-f1", "perplexity"], Enum.GetValues<TaskKind>().Select(k => Metric.Names(k)[0]));
        Example[] examples = [new() { Text = "", Label = "yes" }, new() { Text = "", Label = "no" }];
        Assert.Contains("did you mean 'yes'?",
            Assert.Throws<CleaveException>(() => Metric.F1("yess").Score(examples, [new(), new()])).Message);
    }
}
