using System.Text.Json.Nodes;
using Cleave.Models;
using Cleave.Serving;
using Cleave.Serving.Extensions;
using Cleave.Tuning;
using Cleave.Tuning.Advice;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.AI;

namespace Cleave.Tests.Serving;

/// <summary>Advice over HTTP, from servers that behave and that do not, and from a model of this machine.</summary>
[Trait("Kernels", "unused")]
public sealed class ChatAdviceModelTests
{
    private static readonly SearchSpace Space = new([new FloatParameter("x", 0, 1), new CategoricalParameter("kind", ["a", "b"])]);
    private static readonly StudyDefinition Study = new("s", Space);

    private static AdvicePrompt Prompt { get; } = new AdviceBriefing("a task", null, UnderstoodRequest.None).Prompt(Study, [], 4, false, 20_000);

    private static ChatAdviceModel Connect(FakeEndpoint server, string? key = null) =>
        ChatAdviceModel.Connect(AdvisorOptions.Default with { Endpoint = server.Endpoint, Model = "fake", KeyVariable = key }, ".");

    [Fact]
    public async Task A_server_is_asked_for_the_schema_with_the_key_of_the_variable()
    {
        await using FakeEndpoint server = await FakeEndpoint.SayingAsync(_ => "{\"proposals\": []}");
        string variable = "CLEAVE_TEST_KEY_" + Guid.NewGuid().ToString("N");
        Assert.Contains(variable, Assert.Throws<CleaveException>(() => Connect(server, variable)).Message, StringComparison.Ordinal);
        Environment.SetEnvironmentVariable(variable, "secret-7");
        using ChatAdviceModel model = Connect(server, variable);
        Assert.Equal("{\"proposals\": []}", await model.AskAsync(Prompt, CancellationToken.None));
        (string path, string? authorization, JsonNode body) = Assert.Single(server.Requests);
        Assert.Equal(("/v1/chat/completions", "Bearer secret-7", "fake"), (path, authorization, (string)body["model"]!));
        Assert.Equal([("system", Prompt.System), ("user", Prompt.User)], body["messages"]!.AsArray().Select(m => ((string)m!["role"]!, (string)m["content"]!)));
        Assert.True(JsonNode.DeepEquals(Prompt.Schema, body["response_format"]!["json_schema"]!["schema"]));
    }

    [Fact]
    public async Task Without_a_key_none_is_sent()
    {
        await using FakeEndpoint server = await FakeEndpoint.SayingAsync(_ => "{}");
        using ChatAdviceModel model = Connect(server);
        await model.AskAsync(Prompt, CancellationToken.None);
        Assert.Null(Assert.Single(server.Requests).Authorization);
    }

    [Fact]
    public async Task A_server_that_knows_no_schemas_is_asked_without_one_from_then_on()
    {
        await using FakeEndpoint server = await FakeEndpoint.StartAsync(async (context, body) =>
        {
            if (body["response_format"] is null)
            {
                await FakeEndpoint.Say(context, "{}");
                return;
            }
            context.Response.StatusCode = 400;
            await context.Response.WriteAsync("{\"error\": {\"message\": \"response_format is not supported\"}}");
        });
        using ChatAdviceModel model = Connect(server);
        Assert.Equal("{}", await model.AskAsync(Prompt, CancellationToken.None));
        Assert.Equal("{}", await model.AskAsync(Prompt, CancellationToken.None));
        Assert.Equal([true, false, false], server.Requests.Select(r => r.Body["response_format"] is not null));
    }

    public static TheoryData<string, string> Failures => new()
    {
        { "500", "status 500" },
        { "429", "status 429" },
        { "401", "status 401" },
        { "redirect", "redirects to http://127.0.0.1:1/elsewhere" },
        { "garbage", "no chat completion" },
        { "page", "no chat completion" },
        { "form", "no chat completion" },
        { "half", "127.0.0.1" },
        { "cut", "127.0.0.1" },
        { "huge", "127.0.0.1" },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task What_a_server_does_wrong_is_one_line_and_asked_once(string kind, string expected)
    {
        await using FakeEndpoint server = await FakeEndpoint.StartAsync(async (context, _) =>
        {
            HttpResponse response = context.Response;
            switch (kind)
            {
                case "redirect":
                    response.StatusCode = 307;
                    response.Headers.Location = "http://127.0.0.1:1/elsewhere";
                    break;
                case "garbage":
                    response.ContentType = "application/json";
                    await response.WriteAsync("{]");
                    break;
                case "page":
                    await response.WriteAsync("<html>\n<body>sign in</body></html>");
                    break;
                case "form":
                    await response.WriteAsJsonAsync(new { choices = "none", created = "yesterday" });
                    break;
                case "half":
                    response.ContentLength = 1000;
                    await response.WriteAsync("{\"choices\": [");
                    await response.Body.FlushAsync();
                    context.Abort();
                    break;
                case "cut":
                    context.Abort();
                    break;
                case "huge":
                    byte[] block = new byte[1 << 16];
                    for (int i = 0; i < 1000 && !context.RequestAborted.IsCancellationRequested; i++)
                        await response.Body.WriteAsync(block);
                    break;
                default:
                    response.StatusCode = int.Parse(kind);
                    await response.WriteAsync("{\"error\": {\"message\": \"so\\nmany\\u001b[31m requests\"}}");
                    break;
            }
        });
        using ChatAdviceModel model = Connect(server);
        string message = (await Assert.ThrowsAsync<ChatEndpointException>(() => model.AskAsync(Prompt, CancellationToken.None))).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain(message, char.IsControl);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task Nobody_there_is_one_line_too()
    {
        await using FakeEndpoint server = await FakeEndpoint.SayingAsync(_ => "");
        Uri gone = server.Endpoint;
        await server.DisposeAsync();
        using ChatAdviceModel model = ChatAdviceModel.Connect(AdvisorOptions.Default with { Endpoint = gone, Model = "fake" }, ".");
        Assert.Contains(gone.ToString(), (await Assert.ThrowsAsync<ChatEndpointException>(() => model.AskAsync(Prompt, CancellationToken.None))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_slow_server_is_let_go()
    {
        await using FakeEndpoint server = await FakeEndpoint.StartAsync((context, _) => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default));
        using ChatAdviceModel model = Connect(server);
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => model.AskAsync(Prompt, limit.Token));
    }

    /// <summary>Random weights: only the grammar makes an answer of what they say.</summary>
    [Fact]
    public async Task A_model_of_this_machine_is_kept_to_the_schema()
    {
        using var client = new CleaveChatClient(new LanguageModelHost(TinyRelease.Model(seed: 4, context: 4096), "tiny", DateTimeOffset.UnixEpoch));
        var schema = (JsonObject)JsonNode.Parse("""
            {"type": "object", "properties": {"proposals": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"type": "object", "properties": {"params": {"type": "object",
             "properties": {"x": {"enum": [0.25, 0.5]}, "kind": {"enum": ["a", "b"]}}, "required": ["x", "kind"], "additionalProperties": false}}, "required": ["params"], "additionalProperties": false}}},
             "required": ["proposals"], "additionalProperties": false}
            """)!;
        using var model = new ChatAdviceModel(client, "tiny");
        string answer = await model.AskAsync(new AdvicePrompt("propose", "now", schema), CancellationToken.None);
        Assert.Single(new AnswerReader(Space).Read(answer, [], 4).Proposals);
    }

    [Fact]
    public void The_schema_of_an_answer_is_one_that_grammars_know() =>
        Assert.NotNull(SchemaGrammars.Of(System.Text.Json.JsonSerializer.SerializeToElement(AdviceSchema.OfAnswer(Space, 4, narrowing: true)), "advice"));

    [Fact]
    public async Task The_client_is_a_chat_client_like_others()
    {
        await using FakeEndpoint server = await FakeEndpoint.SayingAsync(body => $"{body["temperature"]} {body["max_completion_tokens"] ?? body["max_tokens"]}");
        using IChatClient client = new OpenAiChatClient(server.Endpoint, "fake", null);
        var options = new ChatOptions { Temperature = 0.5f, MaxOutputTokens = 7 };
        Assert.Equal("0.5 7", (await client.GetResponseAsync("hello", options)).Text);
        var pieces = new List<string>();
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("hello", options))
            pieces.Add(update.Text);
        Assert.Equal("0.5 7", string.Concat(pieces));
        Assert.Equal(server.Endpoint, client.GetService<ChatClientMetadata>()!.ProviderUri);
    }
}
