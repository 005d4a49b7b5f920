using System.Text.Json.Nodes;

namespace Cleave.Tuning.Advice;

/// <summary>What an advisor asks of a language model.</summary>
/// <param name="System">What the model is to do.</param>
/// <param name="User">Everything that is known, as one JSON document.</param>
/// <param name="Schema">The JSON Schema of the answer, for models that can be kept to one.</param>
public sealed record AdvicePrompt(string System, string User, JsonObject Schema);

/// <summary>A language model as an advisor needs it; where it runs is its own matter.</summary>
public interface IAdviceModel
{
    /// <summary>For people and for the record.</summary>
    string Name { get; }

    /// <summary>How long a prompt may be, both parts together.</summary>
    int MostPromptCharacters { get; }

    /// <summary>Answers with a text, which whoever asks does not trust.</summary>
    /// <exception cref="CleaveException">There is no answer: why, in one line.</exception>
    Task<string> AskAsync(AdvicePrompt prompt, CancellationToken cancellation);
}
