using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Models.Sampling;
using Cleave.Numerics.Kernels;
using Cleave.Tokenizers;
using Cleave.Training.FineTuning;

namespace Cleave.Splitting.Modules;

/// <summary>
/// A transformer that answers for one task. For classification it may have an n-gram classifier beside it: the logits
/// are then a·transformer + b·n-grams, with the weights of <see cref="MixOptions"/>.
/// </summary>
public sealed class TransformerModule : IClassifierModule
{
    private readonly TransformerOutputs _outputs;
    private readonly TaskHead? _head;
    private readonly Generator? _generator;

    /// <param name="beside">The n-gram classifier beside the transformer, owned by this module, or null.</param>
    public TransformerModule(string task, TaskKind kind, LanguageModel model, IReadOnlyList<string> labels, int maxTokens, int maxNewTokens,
        BagModule? beside = null, MixOptions? mix = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        (Task, Kind, Model, Labels, MaxTokens, MaxNewTokens) = (task, kind, model, labels, maxTokens, maxNewTokens);
        (Beside, Mix) = (beside, mix ?? new MixOptions(1, beside is null ? 0 : 1));
        _head = model.Head(task);
        if (kind is TaskKind.Classify or TaskKind.Extract && _head is null)
            throw new CleaveException($"the model has no head for the task '{task}'; it was made for {string.Join(", ", model.Heads.Select(h => h.Task))}");
        if (_head is { Kind: HeadKind.Span } && model.Tokenizer.AddControlTokens(new TokenizedText([], [])).Ids.Length == 0)
            throw new CleaveException($"the tokenizer puts no control token before a text, where the head of the task '{task}' looks for the answer that there is none; use the model's own tokenizer.json");
        Encoder = new TaskEncoder(kind, model, labels, maxTokens);
        _outputs = new TransformerOutputs(model.Transformer, _head);
        _generator = kind == TaskKind.Generate ? new Generator(model.Transformer) : null;
    }

    public string Task { get; }
    public TaskKind Kind { get; }
    public LanguageModel Model { get; }
    public IReadOnlyList<string> Labels { get; }

    /// <summary>Inputs are cut to this many tokens.</summary>
    public int MaxTokens { get; }

    /// <summary>A generated text is at most this long.</summary>
    public int MaxNewTokens { get; }

    public TaskEncoder Encoder { get; }
    public BagModule? Beside { get; }
    public MixOptions Mix { get; }
    public double Temperature { get; set; } = 1;

    /// <summary>Bytes as stored; set by whoever stored or loaded it.</summary>
    public long StoredBytes { get; init; }

    public long WeightBytes => StoredBytes + (Beside?.WeightBytes ?? 0);
    public long Parameters => Model.Parameters + (Beside?.Parameters ?? 0);

    public IReadOnlyList<Prediction> Predict(IReadOnlyList<Example> items, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(items);
        return Kind switch
        {
            TaskKind.Classify => ClassPredictions.Of(Logits(items, cancellation), Labels, Temperature),
            TaskKind.Extract when _head!.Kind == HeadKind.Span => FindAnswers(items, cancellation),
            TaskKind.Extract => Extract(items, cancellation),
            TaskKind.Generate => Generate(items, cancellation),
            _ => Score(items, cancellation),
        };
    }

    public IReadOnlyList<float[]> Logits(IReadOnlyList<Example> items, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(items);
        IReadOnlyList<float[]> own = TransformerLogits(items, cancellation);
        return Beside is null ? own : Mix.Apply(own, Beside.Logits(items, cancellation));
    }

    /// <summary>The transformer's logits alone.</summary>
    public IReadOnlyList<float[]> TransformerLogits(IReadOnlyList<Example> items, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(items);
        var logits = new float[items.Count][];
        TaskItem[] inputs = [.. items.Select((e, i) => Encoder.Text(e, 0, i))];
        _outputs.Run(inputs, (i, _, _, values) => logits[i] = values.ToArray(), cancellation);
        return logits;
    }

    /// <summary>An answer that was written to a text, from its tokens and their mean log-probability.</summary>
    public Prediction Written(ReadOnlySpan<int> tokens, double meanLogProbability) =>
        new() { Text = Model.Tokenizer.Decode(tokens, skipSpecial: true).Trim(), Confidence = Math.Exp(meanLogProbability) };

    /// <summary>What this model would teach a student about encoded items.</summary>
    public TeacherTargets[] Teach(IReadOnlyList<TaskItem> items, CancellationToken cancellation = default) => _outputs.Teach(items, cancellation);

    public void Dispose()
    {
        _outputs.Dispose();
        _generator?.Dispose();
        Beside?.Dispose();
    }

    private Prediction[] Extract(IReadOnlyList<Example> items, CancellationToken cancellation)
    {
        var located = items.Select(Encoder.Located).ToArray();
        TaskItem[] inputs = [.. located.Select((l, i) => l.Item(new int[l.Offsets.Length], i))];
        var predictions = new Prediction[items.Count];
        _outputs.Run(inputs, (i, rows, columns, logits) =>
        {
            float[] logProbabilities = LogSoftmax(logits, columns);
            float[] tags = _head!.IsPublished ? Encoder.Scheme!.Arranged(_head.Labels, logProbabilities) : logProbabilities;
            var spans = Encoder.Scheme!.Decode(items[i].Text, located[i].Offsets.AsSpan(0, rows), tags);
            predictions[i] = new Prediction
            {
                Spans = [.. spans.Select(s => s.Span)],
                Text = spans.Count > 0 ? items[i].Text[spans[0].Span.Start..spans[0].Span.End] : "",
                Confidence = Weakest(logProbabilities, columns),
            };
        }, cancellation);
        return predictions;
    }

    private Prediction[] FindAnswers(IReadOnlyList<Example> items, CancellationToken cancellation)
    {
        LocatedText[] located = [.. items.Select(Encoder.Located)];
        var predictions = new Prediction[items.Count];
        TaskItem[] inputs = [.. located.Select((l, i) => l.Item(new int[l.Offsets.Length], i, withFirst: true))];
        _outputs.Run(inputs, (i, _, _, scores) =>
        {
            (int first, int last, double probability) = AnswerSpan.Find(scores);
            TextSpan[] spans = first < 0 ? [] : [new TextSpan(located[i].Offsets[first].Start, located[i].Offsets[last].End, Labels[0])];
            predictions[i] = new Prediction { Spans = spans, Text = first < 0 ? "" : items[i].Text[spans[0].Start..spans[0].End], Confidence = probability };
        }, cancellation);
        return predictions;
    }

    private Prediction[] Generate(IReadOnlyList<Example> items, CancellationToken cancellation)
    {
        const int Together = 32;
        var predictions = new List<Prediction>(items.Count);
        foreach (Example[] chunk in items.Chunk(Together))
        {
            int[][] prompts = [.. chunk.Select(e => Encoder.Prompt(e.Text))];
            foreach ((int[] tokens, double logProbability) in _generator!.Greedy(prompts, MaxNewTokens, Encoder.IsEnd, cancellation))
                predictions.Add(Written(tokens, logProbability));
        }
        return [.. predictions];
    }

    private Prediction[] Score(IReadOnlyList<Example> items, CancellationToken cancellation)
    {
        TaskItem[] inputs = [.. items.Select(Encoder.Encode)];
        var predictions = new Prediction[items.Count];
        _outputs.Run(inputs, (i, rows, columns, logits) =>
        {
            double sum = 0;
            int row = 0;
            foreach (int target in inputs[i].Targets)
            {
                if (target >= 0)
                    sum += CrossEntropy.Loss(logits.Slice(row++ * columns, columns), target);
            }
            predictions[i] = new Prediction { NegativeLogLikelihood = sum, Tokens = rows, Confidence = Math.Exp(-sum / Math.Max(1, rows)) };
        }, cancellation);
        return predictions;
    }

    private static float[] LogSoftmax(ReadOnlySpan<float> logits, int columns)
    {
        float[] result = logits.ToArray();
        for (int r = 0; r < result.Length; r += columns)
        {
            Span<float> row = result.AsSpan(r, columns);
            float shift = CrossEntropy.Loss(row, 0) + row[0]; // log Σ exp
            foreach (ref float z in row)
                z -= shift;
        }
        return result;
    }

    /// <summary>The lowest probability of a token's best tag: a chain is as sure as its weakest link.</summary>
    private static double Weakest(float[] logProbabilities, int columns)
    {
        double weakest = 0;
        for (int r = 0; r < logProbabilities.Length; r += columns)
            weakest = Math.Min(weakest, VectorMath.Max(logProbabilities.AsSpan(r, columns)));
        return Math.Exp(weakest);
    }
}

/// <summary>Weights of two classifiers' logits: z = a·transformer + b·n-grams.</summary>
public sealed record MixOptions(double Transformer, double Ngrams)
{
    public IReadOnlyList<float[]> Apply(IReadOnlyList<float[]> transformer, IReadOnlyList<float[]> ngrams)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        ArgumentNullException.ThrowIfNull(ngrams);
        return [.. transformer.Zip(ngrams, (t, n) => t.Zip(n, (a, b) => (float)(Transformer * a + Ngrams * b)).ToArray())];
    }
}
