namespace Cleave.Serving;

/// <summary>
/// Runs requests over a set of loaded modules. Whoever serves decides how many requests run at once;
/// implementations are safe for use from several threads.
/// </summary>
public interface IModuleHost
{
    /// <summary>The modules that a request can name, in a fixed order.</summary>
    IReadOnlyList<ServedModule> Modules { get; }

    /// <summary>Whether a request may leave the choice of the module to the router (<see cref="ModuleRequest.Auto"/>).</summary>
    bool CanRoute { get; }

    /// <summary>
    /// Answers one request on the calling thread. <paramref name="sink"/> hears who answers, then the text piece
    /// by piece; the pieces put together are the result's text.
    /// </summary>
    /// <exception cref="UnknownModuleException">There is no module of that name.</exception>
    /// <exception cref="RequestException">The module cannot answer such a request; thrown before anything is said to the sink.</exception>
    /// <exception cref="OperationCanceledException">The request was cancelled.</exception>
    ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation);
}

/// <summary>Hears an answer while it is made.</summary>
public interface IResultSink
{
    /// <summary>Called once, before any text.</summary>
    void Chosen(ModuleChoice choice);

    /// <summary>The next piece of the answer, never empty.</summary>
    void Text(string piece);
}
