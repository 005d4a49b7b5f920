using Cleave.Evaluation;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Splitting.Ensembles;

/// <summary>How several models for one task come about, and what becomes of them.</summary>
public enum EnsembleMethod
{
    /// <summary>Each trained on items drawn with replacement (Breiman, 1996); the mean of their probabilities.</summary>
    Bagging,

    /// <summary>Each trained mostly on what those before it get wrong (SAMME: Zhu et al., 2009); weighted votes.</summary>
    Boosting,

    /// <summary>Transformers and an n-gram classifier under a regression on what they say of items that they did not see (Wolpert, 1992).</summary>
    Stacking,

    /// <summary>The weights at the end of each cycle of one run (Huang et al., 2017); the mean of their probabilities.</summary>
    Snapshots,

    /// <summary>One model with the mean of the weights of all (Wortsman et al., 2022).</summary>
    Soup,

    /// <summary>One model with the mean of the weights of those that make it no worse on the validation items.</summary>
    GreedySoup,
}

/// <param name="Members">Models to train; for boosting at most, for stacking those beside the n-gram classifier.</param>
public sealed record EnsembleOptions(EnsembleMethod Method, int Members)
{
    /// <summary>What users write.</summary>
    public static IReadOnlyList<string> Names { get; } = ["bagging", "boosting", "stacking", "snapshots", "soup", "greedy-soup"];

    public string Name => Names[(int)Method];

    /// <summary>Whether the result is one model of the members' size rather than all of them.</summary>
    public bool IsSoup => Method is EnsembleMethod.Soup or EnsembleMethod.GreedySoup;

    /// <summary>How the learning rate runs unless somebody says it: snapshots are taken at the ends of its cycles, one a member.</summary>
    /// <param name="usual">As a single model is trained.</param>
    public ScheduleOptions Schedule(ScheduleOptions usual)
    {
        ArgumentNullException.ThrowIfNull(usual);
        return Method == EnsembleMethod.Snapshots && usual == new ScheduleOptions() ? usual with { Name = "cyclic", Cycles = Members } : usual;
    }

    /// <exception cref="CleaveException">There is no such method.</exception>
    public static EnsembleMethod Parse(string name) => Names.ToList().IndexOf(name) is >= 0 and var index ? (EnsembleMethod)index
        : throw new CleaveException($"there is no ensemble '{name}' ({Formats.Suggest.Hint(name, Names)})");
}

/// <summary>One member as it was measured.</summary>
/// <param name="Validation">The metric on the validation items.</param>
/// <param name="Weight">Its vote in boosting; 1 where all count alike; 0 for one that a greedy soup left out.</param>
public sealed record EnsembleMember(string Name, double Validation, double Weight, long Bytes);

/// <summary>What training an ensemble came to.</summary>
/// <param name="Parameters">Of all that answers: the sum over members, or one model's for a soup.</param>
/// <param name="Bytes">As stored, in the same sense.</param>
/// <param name="MillisecondsPerItem">Median of one test item at batch 1, in the same sense.</param>
/// <param name="Quality">On the test items, by the module as it was written and read back.</param>
/// <param name="Best">On the same items, the member that is best on the validation items.</param>
public sealed record EnsembleResult(IReadOnlyList<EnsembleMember> Members, long Parameters, long Bytes, double MillisecondsPerItem, ConfidenceInterval Quality, ConfidenceInterval Best);
