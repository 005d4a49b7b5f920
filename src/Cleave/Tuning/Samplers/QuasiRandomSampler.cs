using Cleave.Numerics;

namespace Cleave.Tuning.Samplers;

/// <summary>
/// Covers the space evenly: trial n is the n-th point of a scrambled Sobol sequence, so any number of trials is spread
/// better than the same number of random ones. Parameters beyond the 64th are drawn at random.
/// </summary>
public sealed class QuasiRandomSampler : ISampler
{
    public string Name => "sobol";

    public ParameterSet Suggest(SamplerInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        double[] point = Point(input, (uint)input.Number);
        return Coordinates.Settle(input.Study.Space, point, i => point[i]);
    }

    /// <summary>The n-th point of the study's sequence, with a coordinate for every parameter.</summary>
    internal static double[] Point(SamplerInput input, uint index)
    {
        IReadOnlyList<Parameter> parameters = input.Study.Space.Parameters;
        uint scramble = (uint)Rng.For(input.Study.Seed, "sobol").NextUInt64();
        Rng? rest = parameters.Count > SobolSequence.MaxDimensions ? input.Random($"sobol/{index}") : null;
        double[] point = new double[parameters.Count];
        for (int i = 0; i < point.Length; i++)
            point[i] = Coordinates.FromUniform(parameters[i], i < SobolSequence.MaxDimensions ? SobolSequence.At(index, i, scramble) : rest!.NextDouble());
        return point;
    }
}
