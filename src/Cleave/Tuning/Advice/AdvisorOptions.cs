using System.Text.RegularExpressions;
using Cleave.Formats.Yaml;
using Cleave.Tuning.Samplers;

namespace Cleave.Tuning.Advice;

/// <summary>The section <c>advisor</c> of a study or project file.</summary>
/// <param name="Model">The endpoint's name of a model; without an endpoint, a model's folder, a GGUF file, or <c>starter</c>.</param>
/// <param name="Endpoint">Where an OpenAI-compatible interface begins, such as <c>http://127.0.0.1:8080/v1</c>; null for a model of this machine.</param>
/// <param name="KeyVariable">The environment variable with the endpoint's key, or null.</param>
/// <param name="Ask">The request in plain words.</param>
/// <param name="Timeout">For one answer.</param>
/// <param name="Share">Of the trials, that advice may cost without any gain.</param>
/// <param name="Sampler">Chooses all other trials.</param>
public sealed partial record AdvisorOptions(string? Model, Uri? Endpoint, string? KeyVariable, string Ask, TimeSpan Timeout, double Share, string Sampler)
{
    /// <summary>The name of the sampler that takes advice.</summary>
    public const string SamplerName = "advisor";

    private static readonly Dictionary<string, double> Seconds = new() { ["ms"] = 1e-3, ["s"] = 1, ["min"] = 60 };

    public static AdvisorOptions Default { get; } = new(null, null, null, "", TimeSpan.FromSeconds(30), 0.2, "auto");

    /// <summary>The samplers that a file may name: all and this one.</summary>
    public static IReadOnlyList<string> SamplerChoices { get; } = [.. SamplerNames.All, SamplerName];

    /// <summary>Reads the section; mistakes are reported to the file.</summary>
    /// <param name="sampler">What the file says of the sampler: an advisor needs a model.</param>
    public static AdvisorOptions? Read(YamlSection parent, string sampler)
    {
        ArgumentNullException.ThrowIfNull(parent);
        if (parent.Section(SamplerName) is not { } section)
        {
            if (sampler == SamplerName)
                parent.Report("sampler", "'sampler: advisor' needs a section 'advisor' that names its model, such as {endpoint: http://127.0.0.1:8080/v1, model: NAME} or {model: PATH}");
            return null;
        }
        string? key = section.Text("key");
        if (key is not null && !VariableName().IsMatch(key))
        {
            section.Report("key", "'advisor.key' is the name of an environment variable that holds the key, never the key itself");
            key = null;
        }
        Uri? endpoint = null;
        if (section.Text("endpoint") is { } address && (endpoint = EndpointOf(address)) is null)
            section.Report("endpoint", "'advisor.endpoint' is an address such as http://127.0.0.1:8080/v1, without a password");
        if (key is not null && !section.Has("endpoint"))
            section.Report("key", "'advisor.key' is for an endpoint; a model of this machine needs none");
        var options = new AdvisorOptions(section.Text("model", required: sampler == SamplerName), endpoint, key, section.Text("ask") ?? "",
            section.Quantity("timeout", Seconds) is { } s ? TimeSpan.FromSeconds(Math.Clamp(s, 0.001, 3600)) : Default.Timeout,
            section.Number("share", Default.Share, 0, 1), section.Choice("sampler", Default.Sampler, [.. SamplerNames.All]));
        section.Finish();
        return options;
    }

    /// <summary>The address of an endpoint, or null for what is none or carries a password.</summary>
    public static Uri? EndpointOf(string address) => Uri.TryCreate(address, UriKind.Absolute, out Uri? endpoint) && endpoint.Scheme is "http" or "https" && endpoint.UserInfo.Length == 0 ? endpoint : null;

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
    private static partial Regex VariableName();
}
