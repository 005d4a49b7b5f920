using Cleave.Data;
using Cleave.Serving.Tools;

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

    /// <summary>What tells this set of modules from any other, such as the hash of a release's manifest; null where nothing does.</summary>
    string? Version => null;

    /// <summary>The module that answers a text to <see cref="ModuleRequest.Auto"/>; null where nothing routes, or where the router leaves the text to the monolith.</summary>
    string? TaskOf(string text) => null;

    /// <summary>
    /// Answers one request on the calling thread. <paramref name="sink"/> hears who answers, then the text piece
    /// by piece; the pieces put together are the result's text.
    /// </summary>
    /// <exception cref="UnknownModuleException">There is no module of that name.</exception>
    /// <exception cref="RequestException">The module cannot answer such a request; thrown before anything is said to the sink.</exception>
    /// <exception cref="OperationCanceledException">The request was cancelled.</exception>
    ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation);

    /// <summary>
    /// Answers several requests to modules that judge texts (<see cref="TaskKind.Classify"/>, <see cref="TaskKind.Extract"/>), in their order,
    /// together where the host can.
    /// </summary>
    /// <exception cref="UnknownModuleException">There is no module of a request's name.</exception>
    /// <exception cref="RequestException">A module cannot answer such a request.</exception>
    /// <exception cref="OperationCanceledException">The requests were cancelled.</exception>
    IReadOnlyList<ModuleResult> Judge(IReadOnlyList<ModuleRequest> requests, CancellationToken cancellation) =>
        [.. requests.Select(r => Run(r, Silence.Sink, cancellation))];

    /// <summary>Texts as vectors of length 1, and the tokens that were read of each.</summary>
    /// <param name="module">As in a request.</param>
    /// <exception cref="UnknownModuleException">There is no module of that name.</exception>
    /// <exception cref="RequestException">The module has no such vectors, or cannot read a text.</exception>
    /// <exception cref="OperationCanceledException">The request was cancelled.</exception>
    IReadOnlyList<(float[] Vector, int Tokens)> Embed(string module, IReadOnlyList<string> texts, CancellationToken cancellation) =>
        throw new RequestException($"'{module}' has no embeddings", "model", "unsupported_value");
}

/// <summary>Hears an answer while it is made.</summary>
public interface IResultSink
{
    /// <summary>Called once, before any text.</summary>
    void Chosen(ModuleChoice choice);

    /// <summary>A prompt of so many tokens is read now, before anything is written; an answer that is there all at once says nothing of its own.</summary>
    void Reading(int promptTokens)
    {
        // Counts for whoever pays for answers that break off.
    }

    /// <summary>The next piece of the answer, never empty.</summary>
    void Text(string piece);

    /// <summary>The same with the tokens that were made since the piece before it, where scores were asked for.</summary>
    void Text(string piece, IReadOnlyList<TokenScore> tokens) => Text(piece);

    /// <summary>The next piece of a call of a function; only of answers to requests with <see cref="ModuleRequest.Tools"/>.</summary>
    void Call(ToolCallPiece piece)
    {
        // Whoever offers no functions hears of none.
    }
}

/// <summary>Hears nothing.</summary>
internal sealed class Silence : IResultSink
{
    public static Silence Sink { get; } = new();

    public void Chosen(ModuleChoice choice)
    {
        // The result has it too.
    }

    public void Text(string piece)
    {
        // So has it this.
    }
}
