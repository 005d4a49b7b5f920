using System.ClientModel;
using System.Text;
using System.Text.Json;
using Cleave.Serving;
using Cleave.Tests.Models;
using Cleave.Tests.Serving.Tools;
using OpenAI;
using OpenAI.Chat;

namespace Cleave.Tests.Server;

/// <summary>Calls of functions over HTTP, by the official client.</summary>
public sealed class ToolCallTests : IAsyncLifetime, IDisposable
{
    private const string City = """{"type":"object","properties":{"city":{"type":"string","maxLength":8}},"required":["city"],"additionalProperties":false}""";

    private readonly LanguageModelHost _host = new(CallingModel.Create(CallingModel.Hermes, CallingModel.Turn, "h", CallingModel.Open), "caller", DateTimeOffset.UnixEpoch);
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync(_host);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    public void Dispose() => _host.Dispose();

    private ChatClient Chat => new OpenAIClient(new ApiKeyCredential("any"), new OpenAIClientOptions { Endpoint = new Uri(_server.Server.Addresses[0] + "/v1") }).GetChatClient("caller");

    private static ChatCompletionOptions Options(ChatToolChoice choice) => new()
    {
        Tools = { ChatTool.CreateFunctionTool("weather", "Tells the weather.", BinaryData.FromString(City)), ChatTool.CreateFunctionTool("zone") },
        ToolChoice = choice,
        MaxOutputTokenCount = 200,
    };

    [Fact]
    public async Task A_conversation_with_calls_and_what_they_gave()
    {
        var messages = new List<OpenAI.Chat.ChatMessage> { new UserChatMessage("weather?") };
        ChatCompletion first = await Chat.CompleteChatAsync(messages, Options(ChatToolChoice.CreateAutoChoice()));
        Assert.Equal(ChatFinishReason.ToolCalls, first.FinishReason);
        Assert.Equal("h", Assert.Single(first.Content).Text);
        ChatToolCall call = Assert.Single(first.ToolCalls);
        Assert.Equal("weather", call.FunctionName);
        Assert.Equal("""{"city":""}""", call.FunctionArguments.ToString());
        messages.Add(new AssistantChatMessage(first));
        messages.Add(new ToolChatMessage(call.Id, "rain"));
        ChatCompletion second = await Chat.CompleteChatAsync(messages, Options(ChatToolChoice.CreateNoneChoice()));
        Assert.Equal(ChatFinishReason.Stop, second.FinishReason);
        Assert.Empty(second.ToolCalls);
        Assert.True(second.Usage.InputTokenCount > 0);
        ChatCompletion named = await Chat.CompleteChatAsync(messages, Options(ChatToolChoice.CreateFunctionChoice("zone")));
        Assert.Equal(("zone", "{}"), (named.ToolCalls[0].FunctionName, named.ToolCalls[0].FunctionArguments.ToString()));
        Assert.Empty(named.Content);
    }

    [Fact]
    public async Task A_stream_tells_calls_in_pieces_that_make_up_the_call()
    {
        ChatCompletion whole = await Chat.CompleteChatAsync([new UserChatMessage("weather?")], Options(ChatToolChoice.CreateRequiredChoice()));
        var arguments = new StringBuilder();
        var ids = new List<string>();
        var names = new List<string>();
        ChatFinishReason? finish = null;
        int pieces = 0;
        await foreach (StreamingChatCompletionUpdate update in Chat.CompleteChatStreamingAsync([new UserChatMessage("weather?")], Options(ChatToolChoice.CreateRequiredChoice())))
        {
            foreach (StreamingChatToolCallUpdate piece in update.ToolCallUpdates)
            {
                Assert.Equal(0, piece.Index);
                if (piece.ToolCallId is { } id)
                    ids.Add(id);
                if (piece.FunctionName is { } name)
                    names.Add(name);
                arguments.Append(piece.FunctionArgumentsUpdate);
                pieces++;
            }
            finish ??= update.FinishReason;
        }
        Assert.Single(ids);
        Assert.Equal([whole.ToolCalls[0].FunctionName], names);
        Assert.Equal(whole.ToolCalls[0].FunctionArguments.ToString(), arguments.ToString());
        Assert.True(pieces > 3);
        Assert.Equal(ChatFinishReason.ToolCalls, finish);
    }

    [Fact]
    public async Task The_documents_are_as_openai_writes_them()
    {
        const string Ask = "{\"model\":\"caller\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"n\":2,\"max_tokens\":200,\"tool_choice\":\"required\",\"parallel_tool_calls\":false,\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"strict\":true,\"parameters\":" + City + "}}]";
        JsonElement whole = JsonElement.Parse(await (await _server.Post("/v1/chat/completions", Ask + "}")).Content.ReadAsStringAsync());
        string[] ids = new string[2];
        foreach (JsonElement choice in whole.GetProperty("choices").EnumerateArray())
        {
            JsonElement message = choice.GetProperty("message"), call = message.GetProperty("tool_calls")[0];
            Assert.Equal(JsonValueKind.Null, message.GetProperty("content").ValueKind);
            Assert.Equal(["id", "type", "function"], call.EnumerateObject().Select(m => m.Name));
            Assert.Equal(("function", "tool_calls"), (call.GetProperty("type").GetString(), choice.GetProperty("finish_reason").GetString()));
            ids[choice.GetProperty("index").GetInt32()] = call.GetProperty("id").GetString()!;
        }
        Assert.NotEqual(ids[0], ids[1]);
        string[] events = (await (await _server.Post("/v1/chat/completions", Ask + ",\"stream\":true}")).Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        JsonElement[] deltas = [.. events[..^1].SelectMany(e => JsonElement.Parse(e["data: ".Length..]).GetProperty("choices").EnumerateArray())
            .Where(c => c.GetProperty("index").GetInt32() == 1).Select(c => c.GetProperty("delta")).Where(d => d.TryGetProperty("tool_calls", out _)).Select(d => d.GetProperty("tool_calls")[0])];
        Assert.Equal(["index", "id", "type", "function"], deltas[0].EnumerateObject().Select(m => m.Name));
        Assert.Equal(("weather", ""), (deltas[0].GetProperty("function").GetProperty("name").GetString(), deltas[0].GetProperty("function").GetProperty("arguments").GetString()));
        Assert.All(deltas[1..], d => Assert.Equal(["index", "function"], d.EnumerateObject().Select(m => m.Name)));
    }

    [Fact]
    public async Task A_model_whose_template_has_no_tools_says_so_and_no_stream_begins()
    {
        foreach ((Cleave.Models.LanguageModel model, string reason) in new[] { (TinyModel.Create(), "has no chat template"), (CallingModel.Create(CallingModel.WithoutTools), "chat template has no tools") })
        {
            using var host = new LanguageModelHost(model, "caller", DateTimeOffset.UnixEpoch);
            await using RunningServer server = await RunningServer.StartAsync(host);
            var error = await RunningServer.Error(await server.Post("/v1/chat/completions",
                "{\"model\":\"caller\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}"));
            Assert.Equal((400, "tools", "unsupported_value"), (error.Status, error.Param, error.Code));
            Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        }
    }
}
