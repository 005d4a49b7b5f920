namespace Cleave.Serving.Remote;

/// <summary>
/// A host some of whose modules other servers answer for; for the rest, and for the router, there may be one here. A request that the router
/// takes for a remote module is given to its servers like one that names it. A <see cref="ModuleRequest.Auto"/> that is itself remote leaves routing to them.
/// </summary>
/// <param name="remotes">Stay the caller's; they come before modules of the same names here.</param>
/// <param name="local">Stays the caller's; null where every module is remote.</param>
public sealed class RemoteHost(RemoteModules remotes, IModuleHost? local) : IModuleHost
{
    public RemoteModules Remotes => remotes;

    public IModuleHost? Local => local;

    public IReadOnlyList<ServedModule> Modules => [.. (local?.Modules ?? []).Where(m => !remotes.Knows(m.Name)), .. remotes.Described];

    public bool CanRoute => remotes.Knows(ModuleRequest.Auto) || local is { CanRoute: true };

    /// <summary>The same over another host here, such as one version of it.</summary>
    public RemoteHost Over(IModuleHost host) => new(remotes, host);

    public string? TaskOf(string text) => local?.TaskOf(text);

    public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(sink);
        if (remotes.Knows(request.Module))
            return remotes.Run(request.Module, Route.Named, request, sink, cancellation);
        if (request.Module == ModuleRequest.Auto && local?.TaskOf(request.Text) is { } task && remotes.Knows(task))
            return remotes.Run(task, Route.Router, request with { Module = task }, sink, cancellation);
        return Here(request.Module).Run(request, sink, cancellation);
    }

    /// <inheritdoc/>
    /// <remarks>Together only where all of them are for modules here.</remarks>
    public IReadOnlyList<ModuleResult> Judge(IReadOnlyList<ModuleRequest> requests, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(requests);
        return local is not null && requests.All(r => r.Module != ModuleRequest.Auto && !remotes.Knows(r.Module)) ? local.Judge(requests, cancellation)
            : [.. requests.Select(r => Run(r, Silence.Sink, cancellation))];
    }

    public IReadOnlyList<(float[] Vector, int Tokens)> Embed(string module, IReadOnlyList<string> texts, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(texts);
        return remotes.Knows(module) ? remotes.Embed(module, texts, cancellation) : Here(module).Embed(module, texts, cancellation);
    }

    private IModuleHost Here(string module) => local ?? throw new UnknownModuleException(module, Modules.Select(m => m.Name));
}
