using Cleave.Numerics.Kernels;

namespace Cleave.Evaluation.Baselines;

/// <summary>Settings of <see cref="TfidfLogisticRegression"/>, named as in scikit-learn.</summary>
public sealed record TfidfLogisticOptions
{
    /// <summary>Inverse strength of the penalty.</summary>
    public double C { get; init; } = 10;

    public int MaxIterations { get; init; } = 100;

    /// <summary>Ends the search when every part of the gradient of C·Σ loss + ½‖W‖² is smaller than C times this.</summary>
    public double Tolerance { get; init; } = 1e-3;
}

/// <summary>
/// The plain baseline that a specialist has to answer to: multinomial logistic regression on TF-IDF of words 1–2
/// and of characters 2–5 within words, each of unit length, side by side; scikit-learn's definitions.
/// </summary>
public sealed class TfidfLogisticRegression
{
    private readonly TfidfVectorizer _words, _characters;
    private readonly float[] _weights;
    private readonly int _outputs;

    private TfidfLogisticRegression(TfidfVectorizer words, TfidfVectorizer characters, int classes, float[] weights, Lbfgs search)
    {
        (_words, _characters, Classes, _weights) = (words, characters, classes, weights);
        _outputs = LogisticLoss.Outputs(classes);
        (Iterations, Converged) = (search.Iterations, search.Converged);
    }

    public int Classes { get; }

    public long Parameters => _weights.LongLength;

    public int Iterations { get; }

    /// <summary>Whether the tolerance was reached before the iterations ran out.</summary>
    public bool Converged { get; }

    /// <exception cref="ArgumentException">The lists' lengths differ or are zero, or a label is out of range.</exception>
    public static TfidfLogisticRegression Fit(IReadOnlyList<string> texts, IReadOnlyList<int> labels, int classes, TfidfLogisticOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        options ??= new TfidfLogisticOptions();
        if (texts.Count == 0 || texts.Count != labels.Count || labels.Any(l => (uint)l >= (uint)classes))
            throw new ArgumentException($"{texts.Count} texts with {labels.Count} labels: as many of both, at least one, labels from 0 to {classes - 1}", nameof(labels));
        TfidfVectorizer words = TfidfVectorizer.Fit(TermKind.Words, 1, 2, texts), characters = TfidfVectorizer.Fit(TermKind.Characters, 2, 5, texts);
        var loss = new LogisticLoss(Matrix(words, characters, texts), labels, classes, options.C);
        var weights = new float[loss.Parameters];
        var search = new Lbfgs();
        search.Minimise(loss.Evaluate, weights, options.MaxIterations, options.Tolerance * options.C);
        return new TfidfLogisticRegression(words, characters, classes, weights, search);
    }

    /// <summary>The probability of every class.</summary>
    public float[] Predict(string text)
    {
        var probabilities = new float[Classes];
        Span<float> logits = probabilities.AsSpan(Classes - _outputs);
        _weights.AsSpan(_weights.Length - _outputs).CopyTo(logits);
        foreach ((int column, double weight) in Features(_words, _characters, text))
            VectorMath.AddScaled(logits, _weights.AsSpan(column * _outputs, _outputs), (float)weight);
        Softmax.Rows(probabilities, 1, Classes);
        return probabilities;
    }

    private static IEnumerable<(int Column, double Weight)> Features(TfidfVectorizer words, TfidfVectorizer characters, string text)
        => words.Transform(text).Concat(characters.Transform(text).Select(f => (f.Column + words.Columns, f.Weight)));

    private static SparseMatrix Matrix(TfidfVectorizer words, TfidfVectorizer characters, IReadOnlyList<string> texts)
    {
        var start = new int[texts.Count + 1];
        var columns = new List<int>();
        var values = new List<float>();
        for (int row = 0; row < texts.Count; row++)
        {
            foreach ((int column, double weight) in Features(words, characters, texts[row]))
            {
                columns.Add(column);
                values.Add((float)weight);
            }
            start[row + 1] = columns.Count;
        }
        return new SparseMatrix(texts.Count, words.Columns + characters.Columns, start, [.. columns], [.. values]);
    }
}
