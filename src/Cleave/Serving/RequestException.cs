using Cleave.Models.Sampling.Grammars;

namespace Cleave.Serving;

/// <summary>A request that cannot be answered as it is.</summary>
/// <param name="parameter">The part of the request that is wrong, such as <c>temperature</c>, or null.</param>
/// <param name="code">A word for programs, such as <c>context_length_exceeded</c>, or null.</param>
public class RequestException(string message, string? parameter = null, string? code = null) : CleaveException(message)
{
    public string? Parameter { get; } = parameter;
    public string? Code { get; } = code;

    /// <summary>Whether a failure is the request's own, or that of too many at once: it says nothing of who was asked.</summary>
    public static bool IsRefusal(Exception e) => e is RequestException or CapacityException or GrammarException or BusyException;

    /// <summary>Refuses what could cut an answer that has to be whole.</summary>
    internal static void CheckGrammar(ModuleRequest request)
    {
        if (request is { Grammar: not null, Stop.Count: > 0 })
            throw new RequestException("stop texts beside a response format are not supported: they could cut the answer", "stop", "unsupported_value");
    }

    /// <summary>Refuses functions where nothing can call them.</summary>
    internal static void CheckTools(ModuleRequest request, string why)
    {
        if (request.HasTools)
            throw Tools.ToolForm.Refused(why);
    }

    /// <summary>The request is longer than the module's context.</summary>
    public static RequestException TooLong(int tokens, ServedModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        return new($"the request has {tokens} tokens, but '{module.Name}' reads at most {module.ContextLength} with the answer; shorten it",
            parameter: null, "context_length_exceeded");
    }
}

/// <summary>A request for a module that is not there.</summary>
public sealed class UnknownModuleException(string name, IEnumerable<string> known)
    : RequestException($"there is no module '{name}'; there are: {string.Join(", ", known)}", "model", "model_not_found");

/// <summary>A request that cannot be answered now, though it could at another time.</summary>
/// <param name="retryAfterSeconds">When it may come again.</param>
public sealed class BusyException(string message, int retryAfterSeconds) : CleaveException(message)
{
    public int RetryAfterSeconds { get; } = retryAfterSeconds;
}
