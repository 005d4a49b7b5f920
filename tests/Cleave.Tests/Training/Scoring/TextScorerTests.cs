using System.Text.Json;
using Cleave.Formats.HuggingFace;
using Cleave.Formats.Safetensors;
using Cleave.Models;
using Cleave.Models.Families;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;
using Cleave.Training.Scoring;

namespace Cleave.Tests.Training.Scoring;

/// <summary>Losses, divergences and changed first choices beside plain Python in float64: Golden/llama/make_perplexity.py.</summary>
public sealed class TextScorerTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Golden", "llama");
    private static readonly JsonElement Expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "perplexity.json"))).RootElement;
    private static readonly int[] Tokens = [.. Expected.GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32())];

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, Expected.GetProperty("cases").GetArrayLength())];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_token_is_scored_as_in_Python(int index)
    {
        JsonElement expected = Expected.GetProperty("cases")[index];
        int context = expected.GetProperty("context").GetInt32(), stride = expected.GetProperty("stride").GetInt32();
        using var scorer = new TextScorer(Load(coarse: true), Load(coarse: false));
        TokenScore[] scores = scorer.Score(Tokens, context, stride, null, CancellationToken.None);
        Near(expected.GetProperty("loss"), scores, s => s.Loss, 2e-5);
        Near(expected.GetProperty("reference_loss"), scores, s => s.ReferenceLoss, 2e-5);
        Near(expected.GetProperty("kl"), scores, s => s.Divergence, 5e-6);
        Assert.Equal(expected.GetProperty("flips").EnumerateArray().Select(f => f.GetBoolean()), scores.Select(s => s.Flipped));

        double[] alone = [.. scores.Select(s => s.Loss)];
        using var single = new TextScorer(Load(coarse: true));
        Assert.Equal(alone, single.Score(Tokens, context, stride, null, CancellationToken.None).Select(s => s.Loss));
    }

    [Fact]
    public void Windows_predict_every_token_once_with_enough_before_it()
    {
        for (int tokens = 2; tokens < 40; tokens++)
        {
            for (int context = 1; context < 12; context++)
            {
                for (int stride = 1; stride <= context; stride++)
                {
                    int next = 1;
                    foreach (TextWindow w in TextWindows.Of(tokens, context, stride))
                    {
                        Assert.InRange(w.Length, 1, context);
                        Assert.Equal(next, w.FirstTarget);
                        Assert.True(next - w.Start >= Math.Min(next, context - stride + 1));
                        next += w.Scored;
                        Assert.Equal(w.Start + w.Length + 1, next);
                    }
                    Assert.Equal(tokens, next);
                }
            }
        }
    }

    [Fact]
    public void A_weight_that_is_not_a_number_is_reported_and_not_averaged()
    {
        Transformer model = Load(coarse: false);
        model.FinalNorm!.Weight.Data[3] = float.NaN;
        using var scorer = new TextScorer(model);
        CleaveException e = Assert.Throws<CleaveException>(() => scorer.Score(Tokens, 16, 16, null, CancellationToken.None));
        Assert.Contains("token 1 is not finite (59 of 59 are not)", e.Message, StringComparison.Ordinal);
        using var beside = new TextScorer(Load(coarse: false), model);
        Assert.Contains("the reference's", Assert.Throws<CleaveException>(() => beside.Score(Tokens, 16, 16, null, CancellationToken.None)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_window_beyond_the_context_and_another_vocabulary_are_refused()
    {
        using var scorer = new TextScorer(Load(coarse: false));
        Assert.Throws<CapacityException>(() => scorer.Score(Tokens, 65, 65, null, CancellationToken.None));
        using var unlike = new TextScorer(Load(coarse: false), TinyModel.Create().Transformer);
        Assert.Contains("cannot be compared", Assert.Throws<CleaveException>(() => unlike.Score(Tokens, 16, 16, null, CancellationToken.None)).Message, StringComparison.Ordinal);
    }

    /// <summary>Numbers by hand: blocks of one token are the textbook's standard error, and equal halves widen it.</summary>
    [Fact]
    public void The_standard_error_is_that_of_blocks()
    {
        TokenScore[] few = [.. Enumerable.Range(0, 20).Select(i => new TokenScore(i % 2, 0))];
        var estimate = TextEstimate.Of(few, s => s.Loss);
        Assert.Equal(0.5, estimate.Mean);
        Assert.Equal(Math.Sqrt(20 * 0.25 / 19 / 20), estimate.StandardError, 12);
        // 40 tokens, blocks of 2 alike: half as many independent values.
        TokenScore[] pairs = [.. Enumerable.Range(0, 40).Select(i => new TokenScore(i / 2 % 2, 0))];
        Assert.Equal(estimate.StandardError, TextEstimate.Of(pairs, s => s.Loss).StandardError, 12);
        Assert.Equal(double.PositiveInfinity, TextEstimate.Of(few[..1], s => s.Loss).StandardError);
    }

    /// <summary>By hand: divergences 0, 0.01 … 1; numpy.percentile(…, 99) is 0.99. Losses are ln 2 above the reference's.</summary>
    [Fact]
    public void A_comparison_sums_up_its_tokens()
    {
        TokenScore[] scores = [.. Enumerable.Range(0, 101).Select(i => new TokenScore(1 + Math.Log(2), 1, (100 - i) / 100.0, i < 10))];
        var c = TextComparison.Of(scores);
        Assert.Equal(2, c.PerplexityRatio, 12);
        Assert.Equal(0, c.PerplexityRatioError, 12);
        Assert.Equal(Math.E, c.ReferencePerplexity, 12);
        Assert.Equal(0.5, c.Divergence.Mean, 12);
        Assert.Equal(0.99, c.Divergence99, 12);
        Assert.Equal(1, c.LargestDivergence);
        Assert.Equal(10.0 / 101, c.Flips.Value, 12);
        var q = TextQuality.Of(scores, bytes: 404);
        Assert.Equal(2 * Math.E, q.Perplexity, 12);
        Assert.Equal((1 + Math.Log(2)) * 101 / Math.Log(2) / 404, q.BitsPerByte, 12);
    }

    private static Transformer Load(bool coarse)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Folder, "model.safetensors"));
        return Transformer.Build(Llama.Read(JsonFile.Load(Path.Combine(Folder, "config.json"))), (name, rows, columns) =>
        {
            Tensor tensor = Tensor.Parameter(rows, columns);
            file.ReadSingle(name, tensor.Data);
            if (coarse)
            {
                foreach (ref float w in tensor.Data)
                    w = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(w) & 0xFFF80000);
            }
            return tensor;
        });
    }

    private static void Near(JsonElement expected, TokenScore[] scores, Func<TokenScore, double> value, double tolerance)
    {
        double[] numbers = [.. expected.EnumerateArray().Select(e => e.GetDouble())];
        Assert.Equal(numbers.Length, scores.Length);
        for (int i = 0; i < numbers.Length; i++)
            Assert.True(Math.Abs(numbers[i] - value(scores[i])) < tolerance, $"token {i + 1}: {value(scores[i])}, Python {numbers[i]}");
    }
}
