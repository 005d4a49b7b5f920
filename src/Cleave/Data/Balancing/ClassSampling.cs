namespace Cleave.Data.Balancing;

/// <summary>Which items of each class an epoch has, and how they are dealt.</summary>
public enum ClassSampling
{
    /// <summary>Every item once, in any order.</summary>
    None,

    /// <summary>Every item once, the classes spread evenly over the epoch.</summary>
    Stratified,

    /// <summary>The items of rare classes several times, until every class has as many as the most frequent one.</summary>
    Over,

    /// <summary>Of frequent classes other items each epoch, as many as the rarest class has.</summary>
    Under,
}
