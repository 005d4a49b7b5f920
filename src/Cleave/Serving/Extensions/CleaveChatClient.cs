using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.AI;

namespace Cleave.Serving.Extensions;

/// <summary>
/// A host's modules as the chat client of .NET applications. <see cref="ChatOptions.ModelId"/> names the module; without it
/// the router decides, or the only module answers. Temperature, top-p, most tokens, stop sequences, seed, instructions and a
/// response format of JSON with or without a schema are followed; what cannot be followed is refused. The host stays the caller's.
/// </summary>
public sealed class CleaveChatClient(IModuleHost host) : IChatClient
{
    private readonly ChatClientMetadata _metadata = new("cleave", null, ModuleOf(host, null));

    /// <exception cref="RequestException">The request cannot be answered as it is.</exception>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<Microsoft.Extensions.AI.ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ModuleRequest request = ChatRequests.Of(host, messages, options, cancellationToken);
        ModuleResult result = await Task.Run(() => host.Run(request, new Pieces(null), cancellationToken), cancellationToken);
        return new ChatResponse(new Microsoft.Extensions.AI.ChatMessage(Microsoft.Extensions.AI.ChatRole.Assistant, result.Text))
        {
            ModelId = result.Choice.Module,
            FinishReason = Finish(result),
            Usage = Usage(result),
        };
    }

    /// <inheritdoc cref="GetResponseAsync"/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<Microsoft.Extensions.AI.ChatMessage> messages, ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ModuleRequest request = ChatRequests.Of(host, messages, options, cancellationToken);
        // Whoever stops listening ends the work.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var pieces = Channel.CreateUnbounded<string>();
        Task<ModuleResult> work = Task.Run(() =>
        {
            try
            {
                return host.Run(request, new Pieces(pieces.Writer), stop.Token);
            }
            finally
            {
                pieces.Writer.Complete();
            }
        }, CancellationToken.None);
        string id = Guid.NewGuid().ToString("N");
        try
        {
            await foreach (string piece in pieces.Reader.ReadAllAsync(cancellationToken))
                yield return new ChatResponseUpdate(Microsoft.Extensions.AI.ChatRole.Assistant, piece) { ResponseId = id, MessageId = id };
            ModuleResult result = await work;
            yield return new ChatResponseUpdate(Microsoft.Extensions.AI.ChatRole.Assistant, [new UsageContent(Usage(result))])
            {
                ResponseId = id,
                MessageId = id,
                ModelId = result.Choice.Module,
                FinishReason = Finish(result),
            };
        }
        finally
        {
            await stop.CancelAsync();
            await work.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? _metadata
            : serviceType.IsInstanceOfType(this) ? this
            : serviceType.IsInstanceOfType(host) ? host : null;
    }

    public void Dispose()
    {
        // The host is whoever's made it.
    }

    internal static string ModuleOf(IModuleHost host, string? name)
    {
        ArgumentNullException.ThrowIfNull(host);
        return name ?? (host.CanRoute ? ModuleRequest.Auto : host.Modules[0].Name);
    }

    private static Microsoft.Extensions.AI.ChatFinishReason Finish(ModuleResult result) =>
        result.Finish == FinishReason.Length ? ChatFinishReason.Length : ChatFinishReason.Stop;

    private static UsageDetails Usage(ModuleResult result) => new()
    {
        InputTokenCount = result.PromptTokens,
        OutputTokenCount = result.CompletionTokens,
        TotalTokenCount = result.PromptTokens + result.CompletionTokens,
    };

    private sealed class Pieces(ChannelWriter<string>? writer) : IResultSink
    {
        public void Chosen(ModuleChoice choice)
        {
            // The choice is told with the result.
        }

        public void Text(string piece) => writer?.TryWrite(piece);
    }
}
