using Cleave.Models;
using Cleave.Models.Sampling.Grammars;

namespace Cleave.Serving.Tools;

/// <summary>How one answer may call functions.</summary>
/// <param name="Calls">What a call, or a list of them, must look like.</param>
/// <param name="IsBegun">Whether the answer begins with a call.</param>
/// <param name="IsOnce">Whether it ends with it.</param>
internal sealed record ToolAnswer(ToolForm Form, Grammar Calls, bool IsBegun, bool IsOnce, IReadOnlyList<ToolDefinition> Told)
{
    /// <summary>What is put in the model's mouth; a blank at its end would part it from what the model writes.</summary>
    public string Opening => IsBegun ? Form.Opening.TrimEnd(' ') : "";

    /// <returns>Null where the answer may call nothing.</returns>
    /// <exception cref="RequestException">The model has no tools, or what is asked does not go together.</exception>
    public static ToolAnswer? Of(LanguageModel model, ModuleRequest request, CancellationToken cancellation)
    {
        if (!request.HasTools)
            return null;
        ToolForm form = ToolForm.Of(model);
        if (request.Tools is not { Choice: not ToolChoice.None } use)
            return null;
        if (request.Grammar is not null)
            throw new RequestException("a response format beside tools is not supported, unless tool_choice is none", "response_format", "unsupported_value");
        if (request.Stop.Count > 0)
            throw new RequestException("stop texts beside tools are not supported, unless tool_choice is none: they could cut a call", "stop", "unsupported_value");
        if (request.LogProbabilities is not null)
            throw new RequestException("scores of tokens beside tools are not supported, unless tool_choice is none", "logprobs", "unsupported_value");
        bool several = use is { Only: null, MaySeveral: true } && !form.IsSingle;
        return new ToolAnswer(form, ToolGrammars.Of(form, use, several, cancellation), use.Choice == ToolChoice.Required, !several || form.Call.IsList, use.Tools);
    }
}
