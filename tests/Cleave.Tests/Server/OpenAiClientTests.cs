using System.ClientModel;
using System.ClientModel.Primitives;
using Cleave.Server;
using Cleave.Server.Keys;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Models;

namespace Cleave.Tests.Server;

/// <summary>The official client, unchanged, against the server.</summary>
[Trait("Kernels", "unused")]
public sealed class OpenAiClientTests
{
    private static OpenAIClient Client(RunningServer server, string key = "any") => new(new ApiKeyCredential(key), new OpenAIClientOptions
    {
        Endpoint = new Uri(server.Server.Addresses[0] + "/v1"),
        RetryPolicy = new ClientRetryPolicy(maxRetries: 0),
    });

    [Fact]
    public async Task Lists_the_modules_and_the_router()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        OpenAIModelClient models = Client(server).GetOpenAIModelClient();
        OpenAIModelCollection all = (await models.GetModelsAsync()).Value;
        Assert.Equal(["mood", "reply", "größe", "auto"], all.Select(m => m.Id));
        Assert.All(all, m => Assert.Equal("cleave", m.OwnedBy));
        Assert.Equal(new DateTimeOffset(2026, 1, 3, 3, 4, 5, TimeSpan.Zero), (await models.GetModelAsync("reply")).Value.CreatedAt);
        Assert.Equal("größe", (await models.GetModelAsync("größe")).Value.Id);
        ClientResultException missing = await Assert.ThrowsAsync<ClientResultException>(() => models.GetModelAsync("nothing"));
        Assert.Equal(404, missing.Status);
    }

    [Fact]
    public async Task A_classifier_answers_with_its_label()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        ClientResult<ChatCompletion> answer = await Client(server).GetChatClient("mood").CompleteChatAsync("go away!");
        Assert.Equal("loud", answer.Value.Content[0].Text);
        Assert.Equal(ChatFinishReason.Stop, answer.Value.FinishReason);
        Assert.Equal((2, 1, 3), (answer.Value.Usage.InputTokenCount, answer.Value.Usage.OutputTokenCount, answer.Value.Usage.TotalTokenCount));
        PipelineResponseHeaders headers = answer.GetRawResponse().Headers;
        Assert.True(headers.TryGetValue("x-cleave-module", out string? module) && module == "mood");
        Assert.True(headers.TryGetValue("x-cleave-task", out string? task) && task == "mood");
        Assert.True(headers.TryGetValue("x-cleave-route", out string? route) && route == "named");
        Assert.True(headers.TryGetValue("x-cleave-confidence", out string? confidence) && confidence == "0.7500");
        Assert.True(headers.TryGetValue("x-cleave-compute-ms", out string? time) && double.Parse(time!) >= 0);
    }

    [Fact]
    public async Task Auto_lets_the_router_choose_and_says_whom()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        ClientResult<ChatCompletion> answer = await Client(server).GetChatClient("auto").CompleteChatAsync("please reply");
        Assert.Equal("1 2 3 4 5", answer.Value.Content[0].Text);
        Assert.Equal("reply", answer.Value.Model);
        Assert.True(answer.GetRawResponse().Headers.TryGetValue("x-cleave-route", out string? route) && route == "router");
    }

    [Fact]
    public async Task Options_reach_the_module()
    {
        var host = new WordHost();
        await using RunningServer server = await RunningServer.StartAsync(host);
#pragma warning disable OPENAI001 // the seed is marked experimental
        var options = new ChatCompletionOptions { MaxOutputTokenCount = 3, Temperature = 0.5f, TopP = 0.25f, Seed = 11, EndUserId = "u" };
#pragma warning restore OPENAI001
        options.StopSequences.Add("9");
        ChatMessage[] messages = [new SystemChatMessage("be brief"), new UserChatMessage("a"), new AssistantChatMessage("b"), new UserChatMessage("c d")];
        ChatCompletion answer = await Client(server).GetChatClient("reply").CompleteChatAsync(messages, options);
        Assert.Equal("1 2 3", answer.Content[0].Text);
        Assert.Equal(ChatFinishReason.Length, answer.FinishReason);
        Serving(Assert.Single(host.Seen));

        static void Serving(Cleave.Serving.ModuleRequest seen)
        {
            Assert.Equal((3, 0.5, 0.25, 11UL), (seen.MaxTokens, seen.Temperature, seen.TopP, seen.Seed));
            Assert.Equal(["9"], seen.Stop);
            Assert.Equal(["be brief", "a", "b", "c d"], seen.Messages.Select(m => m.Content));
            Assert.Equal("c d", seen.Text);
        }
    }

    [Fact]
    public async Task A_stream_arrives_in_pieces_that_make_up_the_answer()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        var pieces = new List<string>();
        ChatFinishReason? finish = null;
        ChatTokenUsage? usage = null;
        await foreach (StreamingChatCompletionUpdate update in Client(server).GetChatClient("reply").CompleteChatStreamingAsync("hello there"))
        {
            pieces.AddRange(update.ContentUpdate.Select(p => p.Text).Where(t => t.Length > 0));
            finish ??= update.FinishReason;
            usage ??= update.Usage;
        }
        Assert.Equal(["1", " 2", " 3", " 4", " 5"], pieces);
        Assert.Equal(ChatFinishReason.Length, finish);
        Assert.Equal((2, 5), (usage!.InputTokenCount, usage.OutputTokenCount));
    }

    [Fact]
    public async Task The_first_piece_arrives_while_the_next_is_still_being_made()
    {
        using var go = new ManualResetEventSlim();
        var host = new WordHost { BeforeWord = (word, cancel) => { if (word == 1) go.Wait(cancel); } };
        await using RunningServer server = await RunningServer.StartAsync(host);
        var pieces = new List<string>();
        await foreach (StreamingChatCompletionUpdate update in Client(server).GetChatClient("reply").CompleteChatStreamingAsync("hello"))
        {
            pieces.AddRange(update.ContentUpdate.Select(p => p.Text).Where(t => t.Length > 0));
            if (pieces.Count == 1)
                go.Set(); // would wait for ever if the server kept the piece back
        }
        Assert.Equal(5, pieces.Count);
    }

    [Fact]
    public async Task A_stop_text_ends_the_answer()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        var options = new ChatCompletionOptions();
        options.StopSequences.Add("3 4");
        ChatCompletion answer = await Client(server).GetChatClient("reply").CompleteChatAsync([new UserChatMessage("hi")], options);
        Assert.Equal("1 2 ", answer.Content[0].Text);
        Assert.Equal(ChatFinishReason.Stop, answer.FinishReason);
    }

    [Fact]
    public async Task Errors_are_understood_by_the_client()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        ClientResultException unknown = await Assert.ThrowsAsync<ClientResultException>(() => Client(server).GetChatClient("nobody").CompleteChatAsync("x"));
        Assert.Equal(404, unknown.Status);
        Assert.Contains("model_not_found", unknown.Message, StringComparison.Ordinal);
        Assert.Contains("there is no module 'nobody'; there are: mood, reply, größe, auto", unknown.Message, StringComparison.Ordinal);
        ClientResultException penalty = await Assert.ThrowsAsync<ClientResultException>(() => Client(server).GetChatClient("reply")
            .CompleteChatAsync([new UserChatMessage("x")], new ChatCompletionOptions { FrequencyPenalty = 1 }));
        Assert.Equal(400, penalty.Status);
        Assert.Contains("frequency_penalty is not supported", penalty.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_are_checked()
    {
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "# ours\nalpha-key\nsha256:" + Convert.ToHexString(System.Security.Cryptography.SHA256.HashData("beta-key"u8)) + "\n");
            await using RunningServer server = await RunningServer.StartAsync(new WordHost(), new ServerOptions { Keys = ApiKeys.Load(file) });
            foreach (string good in new[] { "alpha-key", "beta-key" })
                Assert.Equal("calm", (await Client(server, good).GetChatClient("mood").CompleteChatAsync("x")).Value.Content[0].Text);
            foreach (string bad in new[] { "alpha-ke", "alpha-key2", "# ours" })
            {
                ClientResultException refused = await Assert.ThrowsAsync<ClientResultException>(() => Client(server, bad).GetChatClient("mood").CompleteChatAsync("x"));
                Assert.Equal(401, refused.Status);
                Assert.Contains("invalid_api_key", refused.Message, StringComparison.Ordinal);
            }
            Assert.Equal(System.Net.HttpStatusCode.Unauthorized, (await server.Client.GetAsync("/v1/models")).StatusCode);
            Assert.Equal(System.Net.HttpStatusCode.OK, (await server.Client.GetAsync("/health")).StatusCode);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
