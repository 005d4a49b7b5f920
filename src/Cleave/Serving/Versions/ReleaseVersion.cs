using Cleave.Json;
using Cleave.Serving.Allocation;
using Cleave.Serving.Feedback;
using Cleave.Serving.Pipelines;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Releases;

namespace Cleave.Serving.Versions;

/// <summary>Opens releases as versions.</summary>
public static class ReleaseVersion
{
    private const string Probe = "a short text to try the module with";

    /// <inheritdoc cref="Open(string, ServingAllocator?, EscalationControl?, CancellationToken)"/>
    public static HostedVersion Open(string folder, CancellationToken cancellation = default) => Open(folder, null, null, cancellation);

    /// <summary>Checks every file's hash, loads the modules and lets each of them, and the router, answer once; so what is promoted later has answered before.</summary>
    /// <exception cref="CleaveException">Not a release, a file is missing, changed or damaged, or a module fails to answer.</exception>
    /// <param name="allocator">What all versions share processor and memory by; null: each has its own.</param>
    /// <param name="escalation">As in <see cref="ServingOptions.Escalation"/>.</param>
    public static HostedVersion Open(string folder, ServingAllocator? allocator, EscalationControl? escalation = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        Release release = Release.Open(folder);
        ReleaseHost? host = null;
        try
        {
            var created = new DateTimeOffset(File.GetLastWriteTimeUtc(Path.Combine(folder, ReleaseWriter.ManifestName)));
            host = new ReleaseHost(release, created, new ServingOptions { KeyValueShare = ServingLimits.KeyValueShare, Allocator = allocator, Escalation = escalation });
            IModuleHost whole = PipelineHost.Of(release, host, created);
            Try(whole, cancellation);
            return new HostedVersion(release.Manifest.Hash, release.Manifest.Name, folder, whole, [host, release])
            {
                Proofs = [.. host.Modules.Select(m => Proof(folder, m.Name, release.Modules.Contains(m.Name, StringComparer.Ordinal)))],
            };
        }
        catch
        {
            host?.Dispose();
            release.Dispose();
            throw;
        }
    }

    private static void Try(IModuleHost host, CancellationToken cancellation)
    {
        foreach (string name in host.Modules.Select(m => m.Name).Concat(host.CanRoute ? [ModuleRequest.Auto] : []))
        {
            try
            {
                host.Run(new ModuleRequest { Module = name, Messages = [new ChatMessage(ChatRole.User, Probe)], MaxTokens = 1 }, Silence.Sink, cancellation);
            }
            catch (RequestException)
            {
                // It understands enough to say that it takes other requests.
            }
        }
    }

    private static ModuleProof Proof(string folder, string task, bool hasModule)
    {
        if (!hasModule)
            return new ModuleProof(task, null, "answered by the monolith");
        JsonCursor? certificate = ModuleFolder.Describe(Path.Combine(folder, ReleaseWriter.ModulesFolder, task)).Find("certificate");
        return new ModuleProof(task, certificate?.Find("passed")?.Flag(), certificate?.Text("sentence", "") ?? "");
    }
}
