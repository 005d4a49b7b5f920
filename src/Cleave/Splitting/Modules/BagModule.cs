using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Models.Bag;

namespace Cleave.Splitting.Modules;

/// <summary>A classifier over hashed n-grams: no transformer, microseconds an item.</summary>
public sealed class BagModule(string task, BagClassifier classifier) : IClassifierModule
{
    public string Task { get; } = task;
    public TaskKind Kind => TaskKind.Classify;
    public BagClassifier Classifier { get; } = classifier;
    public IReadOnlyList<string> Labels => Classifier.Labels;
    public long WeightBytes => Classifier.WeightBytes;
    public long Parameters => (long)Classifier.Featurizer.Vocabulary.Count * Classifier.Dim
        + (long)(Classifier.Hidden > 0 ? Classifier.Hidden * (Classifier.Dim + 1) : 0) + (long)Labels.Count * ((Classifier.Hidden > 0 ? Classifier.Hidden : Classifier.Dim) + 1);
    public double Temperature { get; set; } = 1;

    public IReadOnlyList<Prediction> Predict(IReadOnlyList<Example> items, CancellationToken cancellation = default) =>
        ClassPredictions.Of(Logits(items, cancellation), Labels, Temperature);

    public IReadOnlyList<float[]> Logits(IReadOnlyList<Example> items, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(items);
        var logits = new float[items.Count][];
        for (int i = 0; i < logits.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            logits[i] = new float[Labels.Count];
            Classifier.Predict(items[i].Text, logits[i]);
        }
        return logits;
    }

    public void Dispose() { }
}
