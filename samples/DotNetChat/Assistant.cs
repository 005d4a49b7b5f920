using Cleave.Serving.Extensions;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace DotNetChat;

/// <summary>A local model or release behind .NET's own interfaces.</summary>
public static class Assistant
{
    /// <summary>Writes the answer while it is made, then what it cost.</summary>
    public static async Task AnswerAsync(string folder, string text, TextWriter output, CancellationToken cancellation = default)
    {
        await using ServiceProvider services = new ServiceCollection().AddCleave(folder).BuildServiceProvider();
        IChatClient chat = services.GetRequiredService<IChatClient>();
        var options = new ChatOptions { Temperature = 0.7f, TopP = 0.9f, MaxOutputTokens = 40, Seed = 1, StopSequences = ["\n\n"] };
        await foreach (ChatResponseUpdate update in chat.GetStreamingResponseAsync(text, options, cancellation))
        {
            await output.WriteAsync(update.Text);
            foreach (UsageContent usage in update.Contents.OfType<UsageContent>())
                await output.WriteLineAsync($" [{usage.Details.InputTokenCount} + {usage.Details.OutputTokenCount} tokens]");
        }
    }

    /// <summary>Writes how alike two texts are to a model: from -1 to 1.</summary>
    public static async Task CompareAsync(string folder, string a, string b, TextWriter output)
    {
        await using ServiceProvider services = new ServiceCollection().AddCleave(folder).BuildServiceProvider();
        var embedder = services.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();
        GeneratedEmbeddings<Embedding<float>> made = await embedder.GenerateAsync([a, b]);
        ReadOnlyMemory<float> x = made[0].Vector, y = made[1].Vector;
        float cosine = 0;
        for (int i = 0; i < x.Length; i++)
            cosine += x.Span[i] * y.Span[i];
        await output.WriteLineAsync($"alike: {cosine:0.00}");
    }
}
