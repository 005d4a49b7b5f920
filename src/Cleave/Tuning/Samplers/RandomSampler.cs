using Cleave.Numerics;

namespace Cleave.Tuning.Samplers;

/// <summary>Draws every parameter uniformly on its own scale.</summary>
public sealed class RandomSampler : ISampler
{
    public string Name => "random";

    public ParameterSet Suggest(SamplerInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        Rng rng = input.Random(Name);
        return input.Study.Space.Build(p => Draw(p, rng));
    }

    internal static ParameterValue Draw(Parameter parameter, Rng rng) => parameter switch
    {
        CategoricalParameter categorical => categorical.Choices[rng.NextInt(categorical.Choices.Count)],
        NumericParameter number => number.FromUnit(rng.NextDouble()),
        _ => throw new ArgumentException($"a parameter of the type {parameter.GetType().Name}", nameof(parameter)),
    };
}
