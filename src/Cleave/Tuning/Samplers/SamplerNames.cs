using Cleave.Tuning.Samplers.Proposals;

namespace Cleave.Tuning.Samplers;

/// <summary>The samplers by the names that study and project files use.</summary>
public static class SamplerNames
{
    private static readonly (string Name, Func<Func<IValueModel>, ISampler> Create)[] Known = [
        (AutoSampler.SamplerName, _ => new AutoSampler()),
        ("gp", _ => new GpSampler()),
        (ProposerSampler.SamplerName, load => new ProposerSampler(load())),
        ("tpe", _ => new TpeSampler()),
        ("cma-es", _ => new CmaEsSampler()),
        ("nsga2", _ => new NsgaSampler()),
        ("sobol", _ => new QuasiRandomSampler()),
        ("random", _ => new RandomSampler()),
        ("grid", _ => new GridSampler()),
    ];

    public static IReadOnlyList<string> All { get; } = [.. Known.Select(k => k.Name)];

    /// <param name="proposer">Loads the model of <see cref="ProposerSampler"/>; called for that one alone.</param>
    /// <exception cref="ArgumentException">There is no sampler of the name.</exception>
    public static ISampler Create(string name, Func<IValueModel> proposer) => Array.Find(Known, k => k.Name == name).Create?.Invoke(proposer)
        ?? throw new ArgumentException($"no sampler '{name}' among {string.Join(", ", All)}", nameof(name));
}
