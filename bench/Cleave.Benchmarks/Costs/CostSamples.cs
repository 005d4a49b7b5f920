using Cleave.Benchmarks.Limits;
using Cleave.Compression.Quantization;
using Cleave.Data;
using Cleave.Models;
using Cleave.Models.Bag;
using Cleave.Models.Heads;
using Cleave.Models.Sampling;
using Cleave.Numerics;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Recipes;
using Cleave.Splitting.Studies;
using Cleave.Training.FineTuning;

namespace Cleave.Benchmarks.Costs;

/// <summary>A module's shape, what an item of it takes, and how the model computes that.</summary>
internal sealed record CostSample(string What, double Nanoseconds, Func<CostCoefficients, double> Model);

/// <summary>Measures modules of random shapes with random weights, one item at a time.</summary>
internal static class CostSamples
{
    private const int Runs = 15;
    private static readonly TaskKind[] Kinds = [TaskKind.Classify, TaskKind.Extract, TaskKind.Generate];
    private static readonly int[] Widths = [64, 96, 128, 192, 256, 384];

    public static CostSample Transformer(Rng rng)
    {
        int headSize = 32, width = Widths[rng.NextInt(Widths.Length)], heads = width / headSize;
        int layers = 1 + rng.NextInt(6), feedForward = 32 * (1 + rng.NextInt(width * 3 / 32));
        int tokens = 4 << rng.NextInt(6), classes = 2 + rng.NextInt(100), made = 4 << rng.NextInt(4);
        var spec = TransformerSpec.Uniform(4096, width, layers, heads, heads % 2 == 0 ? heads / 2 : heads, feedForward, 256);
        Transformer trunk = Cleave.Models.Transformer.Create(spec, rng);
        WeightChoice type = rng.NextInt(2) == 0 ? WeightChoice.Q8 : WeightChoice.BF16;
        if (type == WeightChoice.Q8)
            RoundToNearest.Quantize(trunk);
        TaskKind kind = Kinds[rng.NextInt(Kinds.Length)];
        int[] ids = [.. Enumerable.Range(0, tokens).Select(_ => rng.NextInt(4096))];
        string what = $"{kind}, {layers} layers of {width}, feed-forward {feedForward}, {type.Type}, {tokens} tokens"
            + (kind == TaskKind.Generate ? $", {made} made" : "");
        if (kind == TaskKind.Generate)
        {
            using var generator = new Generator(trunk);
            double seconds = Timing.Median(Runs, () => generator.Greedy([ids], made, static _ => false));
            return new CostSample(what, seconds * 1e9, k => CostModel.Transformer(spec, type, tokens, made, 0, kind, k));
        }
        TaskHead head = TaskHead.Create("task", kind == TaskKind.Classify ? HeadKind.Classify : HeadKind.Tag,
            [.. Enumerable.Range(0, classes).Select(c => $"{c}")], width, rng);
        using var outputs = new TransformerOutputs(trunk, head);
        TaskItem[] items = [new TaskItem(ids, kind == TaskKind.Classify ? [0] : new int[tokens], 0)];
        double each = Timing.Median(Runs, () => outputs.Run(items, static (_, _, _, _) => { }));
        return new CostSample(what, each * 1e9, k => CostModel.Transformer(spec, type, tokens, 0, classes, kind, k));
    }

    public static CostSample Bag(Rng rng)
    {
        string[] words = [.. Enumerable.Range(0, 500).Select(_ => string.Concat(Enumerable.Range(0, 3 + rng.NextInt(6)).Select(_ => (char)('a' + rng.NextInt(26)))))];
        int length = 3 + rng.NextInt(60);
        string[] texts = [.. Enumerable.Range(0, 200).Select(_ => string.Join(' ', Enumerable.Range(0, length).Select(_ => words[rng.NextInt(500)])))];
        var featurizer = NgramFeaturizer.Fit(new NgramOptions(), texts, maxRows: 64_000);
        int dim = 32 * (1 + rng.NextInt(3)), hidden = 128 * rng.NextInt(3), classes = 2 + rng.NextInt(100), bits = rng.NextInt(2) == 0 ? 8 : 4;
        var head = new BagHead(dim, hidden, classes);
        head.Initialise(rng);
        var model = new BagModel(featurizer, NgramEmbedding.Random(featurizer.Vocabulary.Count, dim, 0.1f, rng), head);
        BagClassifier classifier = BagClassifier.From(model, [.. Enumerable.Range(0, classes).Select(c => $"{c}")], bits);
        var features = new SparseFeatures();
        double count = texts.Average(t =>
        {
            featurizer.Featurize(t, features);
            return (double)features.Count;
        });
        BagCost cost = BagCost.Of(classifier, count);
        var logits = new float[classes];
        int next = 0;
        double seconds = Timing.Median(Runs, () => classifier.Predict(texts[next++ % texts.Length], logits));
        return new CostSample($"n-grams, {length} words, {dim} × {hidden} × {classes}, {bits} bits", seconds * 1e9, k => CostModel.Bag(cost, k));
    }
}
