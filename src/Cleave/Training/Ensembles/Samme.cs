namespace Cleave.Training.Ensembles;

/// <summary>
/// SAMME, boosting for K classes (Zhu, Zou, Rosset and Hastie, 2009): each member learns from items that weigh the more the more members before
/// got them wrong, and votes with α = log((1 − err) / err) + log(K − 1), where err is the weight of what it gets wrong itself. A member without an
/// error ends the boosting with the vote 1, as scikit-learn has it.
/// </summary>
public sealed class Samme
{
    /// <summary>Of a sum of weights.</summary>
    private const double Rounding = 1e-12;

    private readonly double[] _weights;
    private readonly List<double> _votes = [];
    private readonly int _classes;

    public Samme(int items, int classes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(items);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        _classes = classes;
        _weights = new double[items];
        Array.Fill(_weights, 1.0 / items);
    }

    /// <summary>Of the items for the next member; they add up to 1.</summary>
    public IReadOnlyList<double> Weights => _weights;

    /// <summary>α of each member taken.</summary>
    public IReadOnlyList<double> Votes => _votes;

    /// <summary>Whether a member was without error: another has nothing to learn from.</summary>
    public bool Finished { get; private set; }

    /// <summary>Takes a member, unless it is no better than chance: err ≥ 1 − 1/K.</summary>
    /// <param name="wrong">By item, whether the member gets it wrong.</param>
    /// <returns>Whether it was taken; boosting ends at one that was not.</returns>
    public bool Add(IReadOnlyList<bool> wrong)
    {
        ArgumentNullException.ThrowIfNull(wrong);
        if (wrong.Count != _weights.Length)
            throw new ArgumentException($"{wrong.Count} answers for {_weights.Length} items", nameof(wrong));
        double error = 0;
        for (int i = 0; i < _weights.Length; i++)
            error += wrong[i] ? _weights[i] : 0;
        if (error >= 1 - 1.0 / _classes - Rounding)
            return false;
        Finished = error <= 0;
        double vote = Finished ? 1 : Math.Log((1 - error) / error) + Math.Log(_classes - 1);
        _votes.Add(vote);
        double sum = 0;
        for (int i = 0; i < _weights.Length; i++)
            sum += _weights[i] *= wrong[i] && !Finished ? Math.Exp(vote) : 1;
        for (int i = 0; i < _weights.Length; i++)
            _weights[i] /= sum;
        return true;
    }

    /// <summary>The sum of the votes for each class.</summary>
    /// <param name="votes">α of each member.</param>
    /// <param name="answers">The class that each member gives.</param>
    public static float[] Count(IReadOnlyList<double> votes, IReadOnlyList<int> answers, int classes)
    {
        ArgumentNullException.ThrowIfNull(votes);
        ArgumentNullException.ThrowIfNull(answers);
        var counted = new float[classes];
        for (int m = 0; m < votes.Count; m++)
            counted[answers[m]] += (float)votes[m];
        return counted;
    }
}
