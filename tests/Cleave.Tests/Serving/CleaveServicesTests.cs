using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Serving;
using Cleave.Serving.Extensions;
using Cleave.Tests.Models;
using DotNetChat;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace Cleave.Tests.Serving;

public sealed class CleaveServicesTests(TinyRelease tiny) : IClassFixture<TinyRelease>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private ServiceProvider OverModel()
    {
        ModelFolder.Save(_folder, TinyModel.Create(), WeightType.F32);
        return new ServiceCollection().AddCleave(_folder).BuildServiceProvider();
    }

    [Fact]
    public async Task A_stream_says_what_the_whole_answer_says_and_ends_with_its_usage()
    {
        await using ServiceProvider services = OverModel();
        IChatClient chat = services.GetRequiredService<IChatClient>();
        var options = new ChatOptions { Temperature = 1, Seed = 5, MaxOutputTokens = 7 };
        ChatResponse whole = await chat.GetResponseAsync("where is my order", options);
        List<ChatResponseUpdate> updates = [];
        await foreach (ChatResponseUpdate update in chat.GetStreamingResponseAsync("where is my order", options))
            updates.Add(update);
        ChatResponse streamed = updates.ToChatResponse();
        Assert.Equal(whole.Text, streamed.Text);
        Assert.Equal(ChatFinishReason.Length, whole.FinishReason);
        Assert.Equal(whole.FinishReason, streamed.FinishReason);
        Assert.Equal(7, whole.Usage!.OutputTokenCount);
        Assert.Equal((whole.Usage.InputTokenCount, whole.Usage.TotalTokenCount), (streamed.Usage!.InputTokenCount, streamed.Usage.TotalTokenCount));
        options.Seed = 6;
        Assert.NotEqual(whole.Text, (await chat.GetResponseAsync("where is my order", options)).Text);
        options.MaxOutputTokens = 2;
        Assert.Equal(2, (await chat.GetResponseAsync("where is my order", options)).Usage!.OutputTokenCount);
    }

    [Fact]
    public async Task A_stop_sequence_ends_the_answer()
    {
        await using ServiceProvider services = OverModel();
        IChatClient chat = services.GetRequiredService<IChatClient>();
        var options = new ChatOptions { Temperature = 1, Seed = 5, MaxOutputTokens = 20 };
        string text = (await chat.GetResponseAsync("hello", options)).Text;
        options.StopSequences = [text[3..5]];
        ChatResponse cut = await chat.GetResponseAsync("hello", options);
        Assert.Equal(text[..text.IndexOf(text[3..5], StringComparison.Ordinal)].Trim(), cut.Text);
        Assert.Equal(ChatFinishReason.Stop, cut.FinishReason);
    }

    [Fact]
    public async Task What_cannot_be_followed_is_refused()
    {
        await using ServiceProvider services = OverModel();
        IChatClient chat = services.GetRequiredService<IChatClient>();
        ChatOptions[] refused = [new() { TopK = 3 }, new() { FrequencyPenalty = 1 }, new() { ResponseFormat = ChatResponseFormat.ForJsonSchema(System.Text.Json.JsonDocument.Parse("{\"not\":{}}").RootElement) }, new() { ModelId = "other" }, new() { Temperature = -1 }];
        foreach (ChatOptions options in refused)
            await Assert.ThrowsAnyAsync<CleaveException>(() => chat.GetResponseAsync("hi", options));
        await Assert.ThrowsAsync<RequestException>(() => chat.GetResponseAsync([new(Microsoft.Extensions.AI.ChatRole.System, "only")]));
    }

    [Theory]
    [InlineData("{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"maximum\":9,\"minimum\":0}},\"required\":[\"n\"]}")]
    [InlineData("{\"type\":\"array\",\"items\":{\"enum\":[\"a\",\"b\"]},\"minItems\":2,\"maxItems\":2}")]
    public async Task A_response_format_is_kept_to(string schema)
    {
        await using ServiceProvider services = OverModel();
        IChatClient chat = services.GetRequiredService<IChatClient>();
        using var parsed = System.Text.Json.JsonDocument.Parse(schema);
        for (int seed = 0; seed < 4; seed++)
        {
            var options = new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema(parsed.RootElement), Temperature = seed, Seed = seed, MaxOutputTokens = 24 };
            ChatResponse answer = await chat.GetResponseAsync("hello", options);
            using var document = System.Text.Json.JsonDocument.Parse(answer.Text);
            Assert.Null(new Models.Grammars.SchemaValidator(parsed.RootElement).Problem(document.RootElement));
        }
        await Assert.ThrowsAsync<RequestException>(() => chat.GetResponseAsync("hello", new ChatOptions { ResponseFormat = ChatResponseFormat.Json, StopSequences = ["x"] }));
        using var any = System.Text.Json.JsonDocument.Parse((await chat.GetResponseAsync("hello", new ChatOptions { ResponseFormat = ChatResponseFormat.Json, MaxOutputTokens = 24 })).Text);
        Assert.Equal(System.Text.Json.JsonValueKind.Object, any.RootElement.ValueKind);
    }

    [Fact]
    public async Task A_cancelled_stream_ends_its_work()
    {
        await using ServiceProvider services = OverModel();
        IChatClient chat = services.GetRequiredService<IChatClient>();
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (ChatResponseUpdate _ in chat.GetStreamingResponseAsync("hello", new ChatOptions { Temperature = 1, Seed = 5 }, cancel.Token))
                await cancel.CancelAsync();
        });
        Assert.NotEmpty((await chat.GetResponseAsync("hello", new ChatOptions { Temperature = 1, Seed = 5 })).Text);
    }

    [Fact]
    public async Task A_release_routes_or_is_asked_by_name()
    {
        await using ServiceProvider services = new ServiceCollection().AddCleave(tiny.Folder).BuildServiceProvider();
        IChatClient chat = services.GetRequiredService<IChatClient>();
        ChatResponse routed = await chat.GetResponseAsync("shout, silence");
        Assert.Equal("mood", routed.ModelId);
        ChatResponse named = await chat.GetResponseAsync("quiet and calm", new ChatOptions { ModelId = "mood" });
        Assert.Equal("calm", named.Text);
        Assert.Null(services.GetService<IEmbeddingGenerator<string, Embedding<float>>>());
        Assert.Same(services.GetRequiredService<IModuleHost>(), chat.GetService(typeof(IModuleHost)));
    }

    [Fact]
    public async Task An_embedding_is_the_mean_of_the_last_hidden_states_with_length_one()
    {
        await using ServiceProvider services = OverModel();
        var embedder = services.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();
        GeneratedEmbeddings<Embedding<float>> made = await embedder.GenerateAsync(["where is my order", "thank you"]);
        LanguageModel model = ModelFolder.Load(_folder);
        int[] ids = [model.Tokenizer.BosId!.Value, .. model.Tokenizer.Encode("where is my order")];
        using var tape = new Tape(records: false);
        float[] states = model.Transformer.Forward(tape, new TokenBatch().Add(ids)).Data.ToArray();
        double[] mean = [.. Enumerable.Range(0, 32).Select(c => Enumerable.Range(0, ids.Length).Average(r => (double)states[r * 32 + c]))];
        double length = Math.Sqrt(mean.Sum(m => m * m));
        Assert.Equal(32, made[0].Vector.Length);
        Assert.All(made[0].Vector.ToArray().Zip(mean), p => Assert.Equal(p.Second / length, p.First, 1e-5));
        Assert.Equal(1, made[1].Vector.ToArray().Sum(v => (double)v * v), 1e-5);
        Assert.Equal(ids.Length + 1 + model.Tokenizer.Encode("thank you").Length, made.Usage!.InputTokenCount);
        await Assert.ThrowsAsync<RequestException>(() => embedder.GenerateAsync([string.Concat(Enumerable.Repeat("日", 200))]));
    }

    [Fact]
    public async Task An_encoder_gives_embeddings_of_texts_with_its_control_tokens_and_no_chat()
    {
        LanguageModel model = TinyModel.CreateEncoder();
        ModelFolder.Save(_folder, model, WeightType.F32);
        await using ServiceProvider services = new ServiceCollection().AddCleave(_folder).BuildServiceProvider();
        var embedder = services.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();
        GeneratedEmbeddings<Embedding<float>> made = await embedder.GenerateAsync(["where is my order"]);
        int[] ids = [.. ((string[])["[CLS]", "where", "is", "my", "order", "[SEP]"]).Select(t => model.Tokenizer.IdOf(t)!.Value)];
        using var tape = new Tape(records: false);
        float[] states = model.Transformer.Forward(tape, new TokenBatch().Add(ids)).Data.ToArray();
        double[] mean = [.. Enumerable.Range(0, 32).Select(c => Enumerable.Range(0, ids.Length).Average(r => (double)states[r * 32 + c]))];
        double length = Math.Sqrt(mean.Sum(m => m * m));
        Assert.All(made[0].Vector.ToArray().Zip(mean), p => Assert.Equal(p.Second / length, p.First, 1e-5));
        Assert.Equal(ids.Length, made.Usage!.InputTokenCount);
        Assert.Contains("is an encoder", Assert.ThrowsAny<CleaveException>(() => services.GetRequiredService<IChatClient>()).Message, StringComparison.Ordinal);
    }

    /// <summary>The page's code is the sample's, and the sample runs.</summary>
    [Fact]
    public async Task The_page_for_dotnet_shows_the_sample_that_runs()
    {
        string page = Lines(Path.Combine(Shared.Repository, "docs", "dotnet.md")), sample = Lines(Path.Combine(Shared.Repository, "samples", "DotNetChat", "Assistant.cs"));
        string[] blocks = [.. page.Split("```csharp\n").Skip(1).Select(b => b[..b.IndexOf("```", StringComparison.Ordinal)])];
        Assert.Equal(2, blocks.Length);
        Assert.All(blocks, b => Assert.Contains(b, sample, StringComparison.Ordinal));
        ModelFolder.Save(_folder, TinyModel.Create(), WeightType.F32);
        using var output = new StringWriter();
        await Assistant.AnswerAsync(_folder, "hello", output);
        Assert.Matches(@"\[\d+ \+ \d+ tokens\]", output.ToString());
        await Assistant.CompareAsync(_folder, "my order", "my order", output);
        Assert.Contains("alike: 1.00", output.ToString(), StringComparison.Ordinal);

        // Indentation aside: a page shows methods at its margin.
        static string Lines(string path) => string.Concat(File.ReadLines(path).Select(l => l.TrimStart() + "\n"));
    }
}
