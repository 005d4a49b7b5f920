using Cleave.Compression;
using Cleave.Compression.Calibration;
using Cleave.Compression.Pruning;
using Cleave.Compression.Quantization;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Quantized;
using Cleave.Tests.Models;

namespace Cleave.Tests.Compression;

/// <summary>Compression knows no families: each of them comes through what must not change it, and is refused where its norms forbid it.</summary>
public class FamilyCompressionTests
{
    public static TheoryData<string> Names => FamilyCases.Names;

    /// <summary>Those that continue a text, which is what calibration reads.</summary>
    public static TheoryData<string> Decoders => FamilyCases.Decoders;

    [Theory]
    [MemberData(nameof(Names))]
    public void What_changes_nothing_changes_no_family(string family)
    {
        Transformer model = FamilyCases.Load(family), copy = DenseCopy.Of(model, family);
        int[][] sequences = FamilyCases.Sequences(family);
        float[] expected = FamilyCases.Logits(model, sequences);
        AssertSame(expected, FamilyCases.Logits(WidthPadding.FeedForward(copy, 96), sequences), "padded");
        var random = new Rng(2);
        for (int i = 0; i < copy.Layers.Count; i++)
        {
            foreach (ChannelGroup group in ChannelGroup.Of(copy.Layers[i], i))
                group.Move([.. Enumerable.Range(0, group.Channels).Select(_ => 0.5 + random.NextDouble())]);
        }
        Rotation.Heads(copy);
        AssertSame(expected, FamilyCases.Logits(copy, sequences), "moved and rotated");
        if (model.Spec.Norm == NormKind.Rms && model.Spec.NormPlace == NormPlace.Before)
            AssertSame(expected, FamilyCases.Logits(Rotation.Residual(model, 1), sequences), "stream rotated");
        else
            Assert.Contains("RMS norms", Assert.Throws<CleaveException>(() => Rotation.Residual(model, 1)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Decoders))]
    public void Every_family_can_be_pruned_and_quantized_by_what_goes_through_it(string family)
    {
        Transformer model = FamilyCases.Load(family);
        int[] tokens = [.. Enumerable.Range(0, 400).Select(i => (i * i + 3 * i) % model.Spec.VocabularySize)];
        var text = new CalibrationText(tokens, Math.Min(32, model.Spec.ContextLength), 400, 64);
        foreach (WeightCriterion criterion in Enum.GetValues<WeightCriterion>())
        {
            Transformer copy = DenseCopy.Of(model, family);
            WeightPruner.Prune(copy, criterion, new SparsityPattern(0.5), text, null, CancellationToken.None);
            Assert.Equal(0.5, WeightPruner.Zeros(copy), 0.02);
        }
        Transformer quantized = DenseCopy.Of(model, family);
        new ModelQuantizer(quantized, Rounding.Gptq, ChannelChange.Awq, (_, inputs) => inputs % 32 == 0 ? BlockFormat.Q8_0 : null).Run(text, null, CancellationToken.None);
        float[] expected = FamilyCases.Logits(model, FamilyCases.Sequences(family)), actual = FamilyCases.Logits(quantized, FamilyCases.Sequences(family));
        Assert.Equal(BlockFormat.Q8_0, DenseCopy.Quantized(quantized));
        double scale = expected.Max(v => Math.Abs(v)), off = Math.Sqrt(expected.Zip(actual).Average(p => Math.Pow(p.First - p.Second, 2)));
        Assert.True(off < 0.05 * scale, $"{off} of {scale}");
        double largest = expected.Zip(actual).Max(p => Math.Abs(p.First - p.Second));
        if (model.Spec.Layers.All(l => l.Experts is null)) // a token between two experts may go to the other one
            Assert.True(largest < 0.1 * scale, $"{largest} of {scale}");
    }

    private static void AssertSame(float[] expected, float[] actual, string what)
    {
        double scale = expected.Max(v => Math.Abs(v));
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= 1e-3 * scale, $"{what}: {actual[i]} instead of {expected[i]} at {i}");
    }
}
