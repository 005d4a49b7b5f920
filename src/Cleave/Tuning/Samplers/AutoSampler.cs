namespace Cleave.Tuning.Samplers;

/// <summary>
/// What to take without a reason for another one: a Gaussian process while a study is short, and, once it has outgrown a cheap model, that
/// process within a trust region in turns with <see cref="TpeSampler"/>, which goes on looking everywhere. Several
/// objectives stay with the process, whose fronts are the best throughout. The figures are in docs/tuning.md.
/// </summary>
public sealed class AutoSampler : ISampler
{
    /// <summary>So many trials are seen by the process at once: half a millisecond a trial, and more would not help the functions measured.</summary>
    private const int Window = 60;

    internal const string SamplerName = "auto";

    private readonly GpSampler _process = new(new GpOptions { MaxPoints = Window, Candidates = 64 });
    private readonly GpSampler _fronts = new(new GpOptions { MaxPoints = 120, Candidates = 120 });
    private readonly TpeSampler _estimators = new();

    public string Name => SamplerName;

    public ParameterSet Suggest(SamplerInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.Study.Directions.Count > 1)
            return _fronts.Suggest(input);
        return input.Number >= Window && input.Number % 2 == 0 ? _estimators.Suggest(input) : _process.Suggest(input);
    }
}
