using System.Text.Json;
using System.Text.Json.Serialization;
using Cleave.Server.Http;
using Cleave.Serving.Remote;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Admin;

internal sealed record RemotesDocument(IReadOnlyList<RemoteModuleDocument> Modules);

internal sealed record RemoteModuleDocument(string Name, string? Kind, int Running, long Retries, double RetriesLeft, IReadOnlyList<RemoteServerDocument> Servers);

internal sealed record RemoteServerDocument(string Address, string Health, string Circuit, int Running, long Requests, long Failures, string? LastFailure);

/// <summary>Tells administrators of the servers that answer for remote modules.</summary>
internal sealed class RemoteEndpoint(RemoteModules remotes)
{
    public const string Path = AdminEndpoints.Prefix + "/remotes";

    public Task Show(HttpContext context) => JsonAnswer.Write(context.Response, 200,
        JsonSerializer.SerializeToUtf8Bytes(new RemotesDocument([.. remotes.State.Select(Document)]), RemoteJson.Default.RemotesDocument), context.RequestAborted);

    /// <summary>A state as documents and metrics call it.</summary>
    internal static string NameOf(RemoteHealth health) => health == RemoteHealth.NotReady ? "not-ready" : health.ToString().ToLowerInvariant();

    /// <inheritdoc cref="NameOf(RemoteHealth)"/>
    internal static string NameOf(CircuitState circuit) => circuit == CircuitState.HalfOpen ? "half-open" : circuit.ToString().ToLowerInvariant();

    private static RemoteModuleDocument Document(RemoteModuleState module) => new(module.Name, module.Module is { } known ? ModelsEndpoint.Kind(known.Kind) : null,
        module.Running, module.Retries, Math.Round(module.RetriesLeft, 3),
        [.. module.Servers.Select(s => new RemoteServerDocument(s.Address.ToString(), NameOf(s.Health), NameOf(s.Circuit), s.Running, s.Requests, s.Failures, s.LastFailure))]);
}

/// <summary>The documents of <see cref="RemoteEndpoint"/>, written without reflection.</summary>
[JsonSerializable(typeof(RemotesDocument))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class RemoteJson : JsonSerializerContext;
