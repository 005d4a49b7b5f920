using Cleave.Models.Bag;
using Cleave.Numerics;

namespace Cleave.Training.Bag;

/// <summary>A teacher's answers to the training texts, to be learnt beside the labels.</summary>
/// <param name="Logits">One row a training text, one value a class.</param>
/// <param name="Temperature">Both sides are divided by it before the softmax.</param>
/// <param name="Weight">α: the loss is (1 − α)·cross-entropy + α·T²·KL(teacher ‖ student).</param>
public sealed record BagTeacher(IReadOnlyList<float[]> Logits, float Temperature = 1, float Weight = 0.5f);

/// <summary>Where the training stands after an epoch; the validation's figures are NaN without a validation set.</summary>
public sealed record BagEpoch(int Epoch, double TrainLoss, double TrainAccuracy, double ValidationLoss, double ValidationAccuracy);

/// <summary>What training gives back.</summary>
public sealed record BagTrainingResult(BagModel Model, IReadOnlyList<BagEpoch> Epochs);

/// <summary>
/// Trains a hashed n-gram bag by mini-batch Adam with hand-written gradients; the table is updated only in
/// the rows that a batch touches. The same options, texts and seed give the same bits.
/// </summary>
public sealed class BagTrainer
{
    private readonly BagTrainingOptions _options;
    private readonly BagModel _model;
    private readonly BagData _data;
    private readonly IReadOnlyList<int> _labels;
    private readonly BagTeacher? _teacher;
    private readonly SparseGradient _tableGradient;
    private readonly HeadGradient _head;
    private readonly LazyAdam _adam;
    private readonly Rng _dropout;
    private readonly SparseFeatures _kept = new();
    private readonly float[] _pooled, _dPooled, _target;
    private double _loss;
    private int _correct;

    private BagTrainer(BagTrainingOptions options, BagModel model, BagData data, IReadOnlyList<int> labels, BagTeacher? teacher)
    {
        (_options, _model, _data, _labels, _teacher) = (options, model, data, labels, teacher);
        _tableGradient = new SparseGradient(model.Embedding.Rows, model.Embedding.Dim);
        _head = new HeadGradient(model.Head);
        _adam = new LazyAdam(model.Embedding.Table.Length);
        _dropout = Rng.For(options.Seed, "bag dropout");
        _pooled = new float[options.Dim];
        _dPooled = new float[options.Dim];
        _target = new float[model.Head.Classes];
    }

    /// <param name="onEpoch">Called after every epoch; false ends the training there.</param>
    public static BagTrainingResult Train(BagTrainingOptions options, IReadOnlyList<string> texts, IReadOnlyList<int> labels, int classes,
        BagTeacher? teacher = null, IReadOnlyList<string>? validationTexts = null, IReadOnlyList<int>? validationLabels = null,
        Func<BagEpoch, bool>? onEpoch = null)
    {
        NgramFeaturizer featurizer = NgramFeaturizer.Fit(options.Ngrams, texts, options.MinDocuments, options.MaxRows);
        Rng rng = Rng.For(options.Seed, "bag weights");
        var head = new BagHead(options.Dim, options.Hidden, classes);
        NgramEmbedding table = NgramEmbedding.Random(featurizer.Vocabulary.Count, options.Dim, options.InitScale, rng);
        head.Initialise(rng);
        var model = new BagModel(featurizer, table, head);
        var trainer = new BagTrainer(options, model, new BagData(featurizer, texts), labels, teacher);
        return trainer.Run(validationTexts is null ? null : new BagData(featurizer, validationTexts), validationLabels, onEpoch);
    }

    private BagTrainingResult Run(BagData? validation, IReadOnlyList<int>? validationLabels, Func<BagEpoch, bool>? onEpoch)
    {
        int[] order = [.. Enumerable.Range(0, _data.Count)];
        Rng shuffle = Rng.For(_options.Seed, "bag order");
        int batches = (order.Length + _options.BatchSize - 1) / _options.BatchSize;
        long steps = (long)batches * _options.Epochs;
        var epochs = new List<BagEpoch>();
        for (int epoch = 1, step = 0; epoch <= _options.Epochs; epoch++)
        {
            shuffle.Shuffle(order.AsSpan());
            (_loss, _correct) = (0, 0);
            for (int first = 0; first < order.Length; first += _options.BatchSize)
            {
                int last = Math.Min(order.Length, first + _options.BatchSize);
                double rate = _options.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * step / steps));
                Step(order.AsSpan(first, last - first), (float)rate, ++step);
            }
            (double loss, double accuracy) = validation is null ? (double.NaN, double.NaN) : Evaluate(validation, validationLabels!);
            epochs.Add(new BagEpoch(epoch, _loss / order.Length, (double)_correct / order.Length, loss, accuracy));
            if (onEpoch is not null && !onEpoch(epochs[^1]))
                break;
        }
        return new BagTrainingResult(_model, epochs);
    }

    private void Step(ReadOnlySpan<int> batch, float rate, int step)
    {
        _tableGradient.Reset();
        _head.Reset();
        for (int i = 0; i < batch.Length; i++)
        {
            int text = batch[i];
            float lambda = 1;
            Drop(_data.Rows(text), _data.Weights(text));
            _model.Embedding.Forward(_kept.Rows, _kept.Weights, _pooled);
            _head.Forward(_pooled);
            Target(text);
            Loss(text, 1f / batch.Length * lambda);
            _head.Backward(_pooled, _dPooled);
            _tableGradient.Add(_kept.Rows, _kept.Weights, _dPooled);
        }
        _tableGradient.Close();
        _adam.Step(_model.Embedding, _tableGradient, _dPooled, rate, _options.WeightDecay, step);
        _head.Step(rate, _options.WeightDecay, step);
    }

    private void Drop(ReadOnlySpan<int> rows, ReadOnlySpan<float> weights)
    {
        float chance = _options.FeatureDropout;
        float scale = 1 / (1 - chance);
        _kept.Clear();
        for (int i = 0; i < rows.Length; i++)
        {
            if (_dropout.NextSingle() >= chance)
                _kept.Add(rows[i], weights[i] * scale);
        }
    }

    private void Target(int text)
    {
        Array.Fill(_target, _options.LabelSmoothing / _target.Length);
        _target[_labels[text]] += 1 - _options.LabelSmoothing;
    }

    /// <summary>Loss of the text and its derivative by the logits: softmax(z) − y, times the share.</summary>
    private void Loss(int text, float share)
    {
        Span<float> logits = _head.Logits;
        int best = 0;
        for (int c = 1; c < logits.Length; c++)
        {
            if (logits[c] > logits[best])
                best = c;
        }
        if (best == _labels[text])
            _correct++;
        float alpha = _teacher?.Weight ?? 0;
        Span<float> p = stackalloc float[logits.Length];
        double lse = Softmax(logits, 1, p);
        double hard = 0;
        for (int c = 0; c < p.Length; c++)
        {
            hard += _target[c] * (lse - logits[c]);
            _head.DLogits[c] = (1 - alpha) * share * (p[c] - _target[c]);
        }
        _loss += (1 - alpha) * hard;
        if (_teacher is null)
            return;
        Span<float> q = stackalloc float[logits.Length];
        float t = _teacher.Temperature;
        double lseStudent = Softmax(logits, t, p), lseTeacher = Softmax(_teacher.Logits[text], t, q);
        double soft = 0;
        for (int c = 0; c < p.Length; c++)
        {
            soft += q[c] * ((_teacher.Logits[text][c] / t) - lseTeacher - ((logits[c] / t) - lseStudent));
            _head.DLogits[c] += alpha * t * share * (p[c] - q[c]);
        }
        _loss += alpha * t * t * soft;
    }

    private static double Softmax(ReadOnlySpan<float> logits, float temperature, Span<float> p)
    {
        float max = float.NegativeInfinity;
        foreach (float z in logits)
            max = Math.Max(max, z);
        double sum = 0;
        for (int c = 0; c < logits.Length; c++)
            sum += p[c] = MathF.Exp((logits[c] - max) / temperature);
        float scale = (float)(1 / sum);
        for (int c = 0; c < p.Length; c++)
            p[c] *= scale;
        return (max / temperature) + Math.Log(sum);
    }

    private (double Loss, double Accuracy) Evaluate(BagData data, IReadOnlyList<int> labels)
    {
        Span<float> logits = new float[_model.Head.Classes], p = new float[_model.Head.Classes];
        double loss = 0;
        int correct = 0;
        for (int i = 0; i < data.Count; i++)
        {
            _model.Predict(data.Rows(i), data.Weights(i), logits);
            loss += Softmax(logits, 1, p) - logits[labels[i]];
            int best = 0;
            for (int c = 1; c < logits.Length; c++)
            {
                if (logits[c] > logits[best])
                    best = c;
            }
            if (best == labels[i])
                correct++;
        }
        return (loss / data.Count, (double)correct / data.Count);
    }
}
