using Cleave.Numerics;

namespace Cleave.Tuning.Samplers;

/// <summary>
/// Chooses a trial's parameters. A sampler keeps nothing that its answer depends on: the same study, number and
/// history give the same suggestion, so an interrupted study goes on as if it had not been.
/// </summary>
public interface ISampler
{
    /// <summary>The sampler's name in study files and answers.</summary>
    string Name { get; }

    /// <returns>Null where nothing is left to try.</returns>
    ParameterSet? Suggest(SamplerInput input);
}

/// <summary>What a sampler may look at.</summary>
/// <param name="Study">Space, directions and seed.</param>
/// <param name="Number">The trial that needs parameters.</param>
/// <param name="History">The other trials that have parameters, by number: finished, running and waiting ones.</param>
public sealed record SamplerInput(StudyDefinition Study, int Number, IReadOnlyList<Trial> History)
{
    /// <summary>The generator of this suggestion: it depends on the study's seed and the trial's number only.</summary>
    public Rng Random(string purpose) => Rng.For(Study.Seed, FormattableString.Invariant($"{purpose}/{Number}"));
}
