using Cleave.Models.Bag;
using Cleave.Numerics;
using Cleave.Numerics.Kernels;

namespace Cleave.Training.Bag;

/// <summary>
/// Trains a hashed n-gram bag, from labels or from a teacher too, by mini-batch Adam with hand-written
/// gradients; of the table only the rows that a batch touches are updated. The same options, texts and seed
/// give the same bits.
/// </summary>
public sealed class BagTrainer
{
    /// <summary>Standard deviation of a new table's values.</summary>
    private const float InitialDeviation = 0.1f;

    private readonly BagTrainingOptions _options;
    private readonly BagModel _model;
    private readonly BagData _data;
    private readonly IReadOnlyList<int> _labels;
    private readonly BagTeacher? _teacher;
    private readonly SparseGradient _tableGradient;
    private readonly HeadGradient _head;
    private readonly LazyAdam _adam;
    private readonly Rng _dropout;
    private readonly SparseFeatures[] _kept;
    private readonly float[] _softLogits;
    private double _loss;
    private int _correct;

    private BagTrainer(BagTrainingOptions options, BagModel model, BagData data, IReadOnlyList<int> labels, BagTeacher? teacher)
    {
        (_options, _model, _data, _labels, _teacher) = (options, model, data, labels, teacher);
        _tableGradient = new SparseGradient(model.Embedding.Rows, model.Embedding.Dim);
        _head = new HeadGradient(model.Head, Math.Min(options.BatchSize, data.Count));
        _adam = new LazyAdam(model.Embedding.Table.Length);
        _dropout = Rng.For(options.Seed, "bag dropout");
        _kept = [.. Enumerable.Range(0, Math.Min(options.BatchSize, data.Count)).Select(_ => new SparseFeatures())];
        _softLogits = new float[model.Head.Classes];
    }

    /// <param name="classes">Number of classes; labels are from 0 to one less.</param>
    /// <param name="teacher">Soft targets, one row a training text.</param>
    /// <param name="onEpoch">Called after every epoch; false ends the training there.</param>
    /// <exception cref="ArgumentException">An option is out of range, a label is, or the lists' lengths differ.</exception>
    public static BagTrainingResult Train(BagTrainingOptions options, LabelledTexts train, int classes, LabelledTexts? validation = null,
        BagTeacher? teacher = null, Func<BagEpoch, bool>? onEpoch = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(train);
        options.Validate(classes);
        Check(train, classes, nameof(train));
        if (validation is not null)
            Check(validation, classes, nameof(validation));
        if (teacher is not null && (teacher.Texts != train.Texts.Count || teacher.Probabilities(0).Length != classes))
            throw new ArgumentException($"a teacher of {teacher.Texts} texts for {train.Texts.Count}, {classes} classes", nameof(teacher));
        NgramFeaturizer featurizer = NgramFeaturizer.Fit(options.Ngrams, train.Texts, options.MinDocuments, options.MaxRows);
        Rng rng = Rng.For(options.Seed, "bag weights");
        NgramEmbedding table = NgramEmbedding.Random(featurizer.Vocabulary.Count, options.Dim, InitialDeviation, rng);
        var head = new BagHead(options.Dim, options.Hidden, classes);
        head.Initialise(rng);
        var data = new BagData(featurizer, train.Texts);
        var trainer = new BagTrainer(options, new BagModel(featurizer, table, head), data, train.Labels, teacher);
        return trainer.Run(validation is null ? null : new BagData(featurizer, validation.Texts), validation?.Labels ?? [], onEpoch);
    }

    private BagTrainingResult Run(BagData? validation, IReadOnlyList<int> validationLabels, Func<BagEpoch, bool>? onEpoch)
    {
        int[] order = [.. Enumerable.Range(0, _data.Count)];
        Rng shuffle = Rng.For(_options.Seed, "bag order");
        long batches = (order.Length + _options.BatchSize - 1) / _options.BatchSize, steps = batches * _options.Epochs;
        var epochs = new List<BagEpoch>();
        int step = 0;
        do
        {
            shuffle.Shuffle(order.AsSpan());
            (_loss, _correct) = (0, 0);
            for (int first = 0; first < order.Length; first += _options.BatchSize)
            {
                int count = Math.Min(order.Length - first, _options.BatchSize);
                double rate = _options.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * step / steps));
                Step(order.AsSpan(first, count), (float)rate, ++step);
            }
            (double loss, double accuracy) = validation is null ? (double.NaN, double.NaN) : Evaluate(validation, validationLabels);
            epochs.Add(new BagEpoch(epochs.Count + 1, _loss / order.Length, (double)_correct / order.Length, loss, accuracy));
        }
        while (onEpoch?.Invoke(epochs[^1]) != false && epochs.Count < _options.Epochs);
        return new BagTrainingResult(_model, epochs, (double)_data.Features / _data.Count);
    }

    private void Step(ReadOnlySpan<int> batch, float rate, int step)
    {
        float total = 0;
        for (int i = 0; i < batch.Length; i++)
        {
            Drop(_data.Rows(batch[i]), _data.Weights(batch[i]), _kept[i]);
            total += ClassWeight(batch[i]);
        }
        for (int i = 0; i < batch.Length; i++)
            _model.Embedding.Forward(_kept[i].Rows, _kept[i].Weights, _head.Pooled(i));
        _head.Forward(batch.Length);
        for (int i = 0; i < batch.Length; i++)
            Loss(batch[i], _head.Logits(i), ClassWeight(batch[i]) / total);
        _head.Backward(batch.Length);
        _tableGradient.Reset();
        for (int i = 0; i < batch.Length; i++)
            _model.Embedding.Backward(_kept[i].Rows, _kept[i].Weights, _head.PooledDerivative(i), _tableGradient);
        _tableGradient.Close();
        _adam.Step(_model.Embedding, _tableGradient, rate, step);
        _head.Step(rate, step);
    }

    private float ClassWeight(int text) => _options.ClassWeights?[_labels[text]] ?? 1;

    /// <summary>Feature dropout: what stays is scaled so that the pooled vector keeps its mean.</summary>
    private void Drop(ReadOnlySpan<int> rows, ReadOnlySpan<float> weights, SparseFeatures kept)
    {
        float chance = _options.FeatureDropout, scale = 1 / (1 - chance);
        kept.Clear();
        for (int i = 0; i < rows.Length; i++)
        {
            if (_dropout.NextSingle() >= chance)
                kept.Add(rows[i], weights[i] * scale);
        }
    }

    /// <summary>Adds up the text's loss and replaces its logits by the derivative of share · loss.</summary>
    private void Loss(int text, Span<float> logits, float share)
    {
        int label = _labels[text];
        _correct += Largest(logits) == label ? 1 : 0;
        float hard = 1 - (_teacher?.Weight ?? 0);
        logits.CopyTo(_softLogits);
        _loss += hard * CrossEntropy.ForwardBackward(logits, label, _options.LabelSmoothing, hard * share);
        if (_teacher is null)
            return;
        _loss += _teacher.ForwardBackward(text, _softLogits, share);
        VectorMath.AddInPlace(logits, _softLogits);
    }

    private (double Loss, double Accuracy) Evaluate(BagData data, IReadOnlyList<int> labels)
    {
        var logits = new float[_model.Head.Classes];
        double loss = 0;
        int correct = 0;
        for (int text = 0; text < data.Count; text++)
        {
            _model.Predict(data.Rows(text), data.Weights(text), logits);
            loss += CrossEntropy.Loss(logits, labels[text]);
            correct += Largest(logits) == labels[text] ? 1 : 0;
        }
        return (loss / data.Count, (double)correct / data.Count);
    }

    private static int Largest(ReadOnlySpan<float> values)
    {
        int best = 0;
        for (int i = 1; i < values.Length; i++)
            best = values[i] > values[best] ? i : best;
        return best;
    }

    private static void Check(LabelledTexts set, int classes, string name)
    {
        if (set.Texts.Count == 0 || set.Texts.Count != set.Labels.Count)
            throw new ArgumentException($"{set.Texts.Count} texts with {set.Labels.Count} labels: as many of both, and at least one", name);
        foreach (int label in set.Labels)
        {
            if ((uint)label >= (uint)classes)
                throw new ArgumentException($"the label {label} is not one of {classes} classes", name);
        }
    }
}
