using System.Text.Json;
using Cleave.Formats.HuggingFace;
using Cleave.Models;
using Cleave.Splitting.Releases;
using Cleave.Tuning.Advice;
using Microsoft.Extensions.AI;

namespace Cleave.Serving.Extensions;

/// <summary>Any chat client as the model of an advisor. Answers are asked for by their JSON Schema, and without it where the client refuses that.</summary>
/// <param name="characters">How long a prompt may be.</param>
public sealed class ChatAdviceModel(IChatClient client, string name, int characters = ChatAdviceModel.UsualCharacters) : IAdviceModel, IDisposable
{
    /// <summary>Of a prompt for a model of which nothing is known: some 8,000 tokens.</summary>
    public const int UsualCharacters = 24_000;

    private const int MostTokens = 2048;
    private bool _refusesSchemas;

    public string Name => name;

    public int MostPromptCharacters => characters;

    /// <summary>The model that the options name: an endpoint's, or one of this machine, which keeps to the schema by Cleave's own grammars.</summary>
    /// <param name="folder">Where relative paths begin.</param>
    /// <exception cref="CleaveException">There is no such model, or the key's variable is not set.</exception>
    public static ChatAdviceModel Connect(AdvisorOptions options, string folder)
    {
        ArgumentNullException.ThrowIfNull(options);
        string model = options.Model ?? throw new CleaveException("the advisor has no model: name one (advisor.model)");
        if (options.Endpoint is { } endpoint)
        {
            string? key = options.KeyVariable is not { } variable ? null : Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value
                : throw new CleaveException($"the environment variable {variable}, which advisor.key names, is not set");
            return new ChatAdviceModel(new OpenAiChatClient(endpoint, model, key), $"{model} at {endpoint.Host}");
        }
        LanguageModel loaded = model.EndsWith(GgufModel.Extension, StringComparison.OrdinalIgnoreCase) ? GgufModel.LoadWithTokenizer(Path.Combine(folder, model))
            : ModelFolder.LoadFrozen(BaseModel.Find(model, folder));
        int context = loaded.Transformer.Spec.ContextLength;
        // The answer needs its part of the context; a token of a JSON document has some three characters.
        return new ChatAdviceModel(new LocalClient(new LanguageModelHost(loaded, model, DateTimeOffset.UnixEpoch)), model, Math.Min(UsualCharacters, (context - Math.Min(MostTokens, context / 2)) * 3));
    }

    /// <inheritdoc/>
    public async Task<string> AskAsync(AdvicePrompt prompt, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        Microsoft.Extensions.AI.ChatMessage[] messages = [new(Microsoft.Extensions.AI.ChatRole.System, prompt.System), new(Microsoft.Extensions.AI.ChatRole.User, prompt.User)];
        if (!_refusesSchemas)
        {
            try
            {
                JsonElement schema = JsonSerializer.SerializeToElement(prompt.Schema);
                return await Text(messages, ChatResponseFormat.ForJsonSchema(schema, "advice"), cancellation).ConfigureAwait(false);
            }
            catch (CleaveException e) when (e is RequestException or ChatEndpointException { RefusesRequest: true })
            {
                _refusesSchemas = true;
            }
        }
        return await Text(messages, null, cancellation).ConfigureAwait(false);
    }

    public void Dispose() => client.Dispose();

    private async Task<string> Text(Microsoft.Extensions.AI.ChatMessage[] messages, ChatResponseFormat? format, CancellationToken cancellation)
    {
        ChatResponse response = await client.GetResponseAsync(messages, new ChatOptions { ResponseFormat = format, MaxOutputTokens = MostTokens }, cancellation).ConfigureAwait(false);
        return response.Text;
    }

    /// <summary>A client that owns its host.</summary>
    private sealed class LocalClient(LanguageModelHost host) : DelegatingChatClient(new CleaveChatClient(host))
    {
        protected override void Dispose(bool disposing)
        {
            if (disposing)
                host.Dispose();
            base.Dispose(disposing);
        }
    }
}
