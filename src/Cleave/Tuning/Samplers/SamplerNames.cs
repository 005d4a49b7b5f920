namespace Cleave.Tuning.Samplers;

/// <summary>The samplers by the names that study and project files use.</summary>
public static class SamplerNames
{
    private static readonly (string Name, Func<ISampler> Create)[] Known = [
        ("auto", () => new AutoSampler()),
        ("gp", () => new GpSampler()),
        ("tpe", () => new TpeSampler()),
        ("cma-es", () => new CmaEsSampler()),
        ("nsga2", () => new NsgaSampler()),
        ("sobol", () => new QuasiRandomSampler()),
        ("random", () => new RandomSampler()),
        ("grid", () => new GridSampler()),
    ];

    public static IReadOnlyList<string> All { get; } = [.. Known.Select(k => k.Name)];

    /// <exception cref="ArgumentException">There is no sampler of the name.</exception>
    public static ISampler Create(string name) => Array.Find(Known, k => k.Name == name).Create?.Invoke()
        ?? throw new ArgumentException($"no sampler '{name}' among {string.Join(", ", All)}", nameof(name));
}
