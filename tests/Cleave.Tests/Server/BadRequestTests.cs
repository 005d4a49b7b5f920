using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Cleave.Server;
using Cleave.Serving;
using Cleave.Tests.Models;

namespace Cleave.Tests.Server;

/// <summary>What is wrong is refused with the right status, in OpenAI's error format, and names the culprit.</summary>
public sealed class BadRequestTests : IAsyncLifetime
{
    private const string Tool = "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}";
    private const string Message = "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]";
    private RunningServer _server = null!;

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync(new WordHost(), new ServerOptions { MaxTokens = 100, MaxBodyBytes = 4096 });

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [InlineData("", "not valid JSON", null)]
    [InlineData("{", "not valid JSON", null)]
    [InlineData("[]", "must be a JSON object", null)]
    [InlineData("{\"model\":\"mood\",\"model\":\"reply\"}", "not valid JSON", null)]
    [InlineData("{\"model\":\"mood\",\"messages\":[]}", "'messages' has 0 entries", "messages")]
    [InlineData("{" + Message + "}", "'model' is missing", "model")]
    [InlineData("{\"model\":5," + Message + "}", "'model' must be a string, not a number", "model")]
    [InlineData("{\"model\":\"mood\"}", "'messages' is missing", "messages")]
    [InlineData("{\"model\":\"mood\",\"messages\":\"x\"}", "'messages' must be an array, not a string", "messages")]
    [InlineData("{\"model\":\"mood\",\"messages\":[5]}", "'messages[0]' must be an object", "messages[0]")]
    [InlineData("{\"model\":\"mood\",\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]}", "'messages[0].tool_call_id' is missing", "messages[0].tool_call_id")]
    [InlineData("{\"model\":\"mood\",\"messages\":[{\"role\":\"robot\",\"content\":\"x\"}]}", "'messages[0].role' is 'robot'", "messages[0].role")]
    [InlineData("{\"model\":\"mood\",\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"x\"}]}", "answers the call 'a', which no message before it made", "messages[0].tool_call_id")]
    [InlineData("{\"model\":\"mood\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[]}]}", "has 0 entries", "messages[0].tool_calls")]
    [InlineData("{\"model\":\"mood\",\"messages\":[{\"role\":\"user\",\"tool_calls\":[{}],\"content\":\"x\"}]}", "is not supported", "messages[0].tool_calls")]
    [InlineData("{\"model\":\"mood\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"[1]\"}}]}]}", "must be a JSON object in a string", "messages[0].tool_calls[0].function.arguments")]
    [InlineData("{\"model\":\"mood\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1,\\\"a\\\":2}\"}}]}]}", "is not valid JSON", "messages[0].tool_calls[0].function.arguments")]
    [InlineData("{\"model\":\"mood\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\\\"\\\\ud800\\\"}\"}}]}]}", "is not valid Unicode", "messages[0].tool_calls[0].function.arguments")]
    [InlineData("{\"model\":\"mood\",\"messages\":[{\"role\":\"user\"}]}", "'messages[0].content' is missing", "messages[0].content")]
    [InlineData("{\"model\":\"mood\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}", "only 'text' is supported", "messages[0].content[0].type")]
    [InlineData("{\"model\":\"mood\",\"messages\":[{\"role\":\"system\",\"content\":\"x\"}]}", "no message with the role 'user'", "messages")]
    [InlineData("{\"model\":\"mood\",\"messages\":[{\"role\":\"user\",\"content\":\"\\ud800\"}]}", "is not valid Unicode", "messages[0].content")]
    [InlineData("{\"model\":\"mood\",\"n\":17," + Message + "}", "from 1 to 16", "n")]
    [InlineData("{\"model\":\"mood\",\"n\":0," + Message + "}", "from 1 to 16", "n")]
    [InlineData("{\"model\":\"mood\",\"logprobs\":3," + Message + "}", "'logprobs' must be true or false", "logprobs")]
    [InlineData("{\"model\":\"mood\",\"top_logprobs\":3," + Message + "}", "set 'logprobs' to true", "top_logprobs")]
    [InlineData("{\"model\":\"mood\",\"logprobs\":true,\"top_logprobs\":21," + Message + "}", "from 0 to 20", "top_logprobs")]
    [InlineData("{\"model\":\"mood\",\"tools\":[]," + Message + "}", "'tools' has 0 entries", "tools")]
    [InlineData("{\"model\":\"mood\",\"tool_choice\":\"auto\"," + Message + "}", "give 'tools'", "tool_choice")]
    [InlineData("{\"model\":\"mood\",\"tools\":[{\"type\":\"web_search\"}]," + Message + "}", "only 'function' is supported", "tools[0].type")]
    [InlineData("{\"model\":\"mood\",\"tools\":[{\"type\":\"function\",\"function\":{}}]," + Message + "}", "is missing", "tools[0].function.name")]
    [InlineData("{\"model\":\"mood\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a b\"}}]," + Message + "}", "letters, digits, underscores and hyphens", "tools[0].function.name")]
    [InlineData("{\"model\":\"mood\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"string\"}}}]," + Message + "}", "must be 'object'", "tools[0].function.parameters.type")]
    [InlineData("{\"model\":\"mood\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"title\":\"\\ud800\"}}}]," + Message + "}", "is not valid Unicode", "tools[0].function.parameters")]
    [InlineData("{\"model\":\"mood\",\"tools\":[" + Tool + "," + Tool + "]," + Message + "}", "the function 'f' twice", "tools")]
    [InlineData("{\"model\":\"mood\",\"tools\":[" + Tool + "],\"tool_choice\":\"any\"," + Message + "}", "must be none, auto, required or name a function", "tool_choice")]
    [InlineData("{\"model\":\"mood\",\"tools\":[" + Tool + "],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"g\"}}," + Message + "}", "names 'g', which 'tools' does not have", "tool_choice")]
    [InlineData("{\"model\":\"mood\",\"parallel_tool_calls\":1," + Message + "}", "must be true or false", "parallel_tool_calls")]
    [InlineData("{\"model\":\"mood\",\"\\ud800\":1," + Message + "}", "a name holds broken Unicode", null)]
    [InlineData("{\"model\":\"mood\",\"wibble\":1," + Message + "}", "'wibble' is not supported", "wibble")]
    [InlineData("{\"model\":\"mood\",\"temperature\":\"hot\"," + Message + "}", "'temperature' must be a number, not a string", "temperature")]
    [InlineData("{\"model\":\"mood\",\"temperature\":2.5," + Message + "}", "'temperature' is 2.5, but must be from 0 to 2", "temperature")]
    [InlineData("{\"model\":\"mood\",\"temperature\":1e999," + Message + "}", "'temperature'", "temperature")]
    [InlineData("{\"model\":\"mood\",\"top_p\":0," + Message + "}", "'top_p' is 0", "top_p")]
    [InlineData("{\"model\":\"mood\",\"max_tokens\":0," + Message + "}", "from 1 to 100", "max_tokens")]
    [InlineData("{\"model\":\"mood\",\"max_completion_tokens\":101," + Message + "}", "from 1 to 100", "max_completion_tokens")]
    [InlineData("{\"model\":\"mood\",\"max_tokens\":1.5," + Message + "}", "a whole number", "max_tokens")]
    [InlineData("{\"model\":\"mood\",\"stream\":\"yes\"," + Message + "}", "'stream' must be true or false", "stream")]
    [InlineData("{\"model\":\"mood\",\"stream_options\":{\"include_usage\":true}," + Message + "}", "set 'stream' to true", "stream_options")]
    [InlineData("{\"model\":\"mood\",\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]," + Message + "}", "at most 4", "stop")]
    [InlineData("{\"model\":\"mood\",\"stop\":\"\"," + Message + "}", "1 to 256", "stop")]
    [InlineData("{\"model\":\"mood\",\"seed\":-1.5," + Message + "}", "'seed'", "seed")]
    [InlineData("{\"model\":\"mood\",\"presence_penalty\":0.5," + Message + "}", "presence_penalty is not supported", "presence_penalty")]
    [InlineData("{\"model\":\"mood\",\"response_format\":{\"type\":\"yaml\"}," + Message + "}", "response format 'yaml'", "response_format.type")]
    [InlineData("{\"model\":\"mood\",\"response_format\":{\"type\":\"json_schema\"}," + Message + "}", "must be an object", "response_format.json_schema")]
    [InlineData("{\"model\":\"mood\",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\"}}," + Message + "}", "is missing", "response_format.json_schema.schema")]
    [InlineData("{\"model\":\"mood\",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":{\"items\":{\"not\":{}}}}}," + Message + "}",
        "schema: items.not: the keyword not is not supported", "response_format.json_schema.schema")]
    public async Task Wrong_chat_requests(string body, string message, string? param)
    {
        var error = await RunningServer.Error(await _server.Post("/v1/chat/completions", body));
        Assert.Equal((400, "invalid_request_error", param), (error.Status, error.Type, error.Param));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"model\":\"reply\"}", "'prompt' is missing", "prompt")]
    [InlineData("{\"model\":\"reply\",\"prompt\":[\"a\",\"b\"]}", "must be one string", "prompt")]
    [InlineData("{\"model\":\"reply\",\"prompt\":[1,2]}", "must be one string", "prompt")]
    [InlineData("{\"model\":\"reply\",\"prompt\":\"a\",\"best_of\":3}", "best_of must be 1", "best_of")]
    [InlineData("{\"model\":\"reply\",\"prompt\":\"a\",\"logprobs\":6}", "from 0 to 5", "logprobs")]
    [InlineData("{\"model\":\"reply\",\"prompt\":\"a\",\"echo\":true}", "echo is not supported", "echo")]
    [InlineData("{\"model\":\"reply\",\"prompt\":\"a\",\"messages\":[]}", "'messages' is not supported", "messages")]
    public async Task Wrong_plain_requests(string body, string message, string param)
    {
        var error = await RunningServer.Error(await _server.Post("/v1/completions", body));
        Assert.Equal((400, param), (error.Status, error.Param));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("classify", "{\"input\":\"a\"}", 400, "'model' is missing")]
    [InlineData("classify", "{\"model\":\"mood\"}", 400, "'input' is missing")]
    [InlineData("classify", "{\"model\":\"mood\",\"input\":[]}", 400, "'input' has 0 entries")]
    [InlineData("classify", "{\"model\":\"mood\",\"input\":[\"a\",5]}", 400, "'input[1]' must be a string, not a number")]
    [InlineData("classify", "{\"model\":\"mood\",\"input\":{}}", 400, "'input' must be a string or an array of strings, not an object")]
    [InlineData("classify", "{\"model\":\"mood\",\"input\":\"a\",\"question\":\"b\"}", 400, "'question' is not supported")]
    [InlineData("classify", "{\"model\":\"reply\",\"input\":\"a\"}", 400, "'reply' does not classify: its kind is generate")]
    [InlineData("classify", "{\"model\":\"auto\",\"input\":\"please reply\"}", 400, "'reply' does not classify")]
    [InlineData("classify", "{\"model\":\"nobody\",\"input\":\"a\"}", 404, "there is no module 'nobody'")]
    [InlineData("extract", "{\"model\":\"mood\",\"input\":\"a\"}", 400, "'mood' does not extract: its kind is classify")]
    [InlineData("extract", "{\"model\":\"mood\",\"input\":\"a\",\"question\":1}", 400, "'question' must be a string, not a number")]
    [InlineData("embeddings", "{\"model\":\"mood\",\"input\":\"a\"}", 400, "'mood' has no embeddings")]
    [InlineData("embeddings", "{\"model\":\"mood\",\"input\":\"a\",\"encoding_format\":\"hex\"}", 400, "there are float and base64")]
    [InlineData("embeddings", "{\"model\":\"mood\",\"input\":[[1,2]]}", 400, "'input[0]' must be a string, not an array")]
    public async Task Wrong_requests_about_texts(string path, string body, int status, string message)
    {
        var error = await RunningServer.Error(await _server.Post("/v1/" + path, body));
        Assert.Equal((status, "invalid_request_error"), (error.Status, error.Type));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-5")]
    [InlineData("1.5")]
    [InlineData("soon")]
    [InlineData("86400001")]
    public async Task A_deadline_is_a_number_of_milliseconds(string deadline)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent("{}", Encoding.UTF8, "application/json") };
        request.Headers.Add("x-cleave-deadline-ms", deadline);
        var error = await RunningServer.Error(await _server.Client.SendAsync(request));
        Assert.Equal((400, "x-cleave-deadline-ms"), (error.Status, error.Param));
    }

    [Fact]
    public async Task A_schema_is_looked_at_only_for_a_module_that_is_there()
    {
        var error = await RunningServer.Error(await _server.Post("/v1/chat/completions",
            "{\"model\":\"nobody\",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":{\"not\":{}}}}," + Message + "}"));
        Assert.Equal((404, "model_not_found"), (error.Status, error.Code));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_form_that_a_model_cannot_follow_is_the_clients_mistake_and_no_stream_begins(bool stream)
    {
        using var host = new LanguageModelHost(TinyModel.Create(), "reply", DateTimeOffset.UnixEpoch);
        await using RunningServer server = await RunningServer.StartAsync(host);
        string texts = string.Join(',', Enumerable.Range(0, 1100).Select(i => $"{{\"const\":\"{i:0000}{new string('x', 70)}\"}}"));
        var error = await RunningServer.Error(await server.Post("/v1/chat/completions",
            $"{{\"model\":\"reply\",\"stream\":{(stream ? "true" : "false")},\"response_format\":{{\"type\":\"json_schema\",\"json_schema\":{{\"name\":\"x\",\"schema\":{{\"anyOf\":[{texts}]}}}}}},{Message}}}"));
        Assert.Equal((400, "response_format"), (error.Status, error.Param));
        Assert.Contains("more than 1024 ways at once", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Neutral_values_and_bookkeeping_are_accepted()
    {
        HttpResponseMessage response = await _server.Post("/v1/chat/completions", "{\"model\":\"mood\",\"n\":1,\"presence_penalty\":0,\"frequency_penalty\":0.0,"
            + "\"logit_bias\":{},\"logprobs\":false,\"user\":\"u\",\"store\":false,\"metadata\":{},\"tools\":null,\"response_format\":{\"type\":\"text\"}," + Message + "}");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task A_prompt_beyond_the_context_is_refused_with_numbers()
    {
        string words = string.Join(' ', Enumerable.Repeat("w", 20));
        foreach (bool stream in new[] { false, true })
        {
            var error = await RunningServer.Error(await _server.Post("/v1/chat/completions",
                $"{{\"model\":\"reply\",\"stream\":{(stream ? "true" : "false")},\"messages\":[{{\"role\":\"user\",\"content\":\"{words}\"}}]}}"));
            Assert.Equal((400, "context_length_exceeded"), (error.Status, error.Code));
            Assert.Contains("20 tokens", error.Message, StringComparison.Ordinal);
            Assert.Contains("at most 16", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_body_above_the_limit_is_refused()
    {
        var error = await RunningServer.Error(await _server.Post("/v1/chat/completions", new string(' ', 5000)));
        Assert.Equal((413, "request_too_large"), (error.Status, error.Code));
    }

    [Fact]
    public async Task Other_content_types_paths_and_methods_are_refused()
    {
        using var text = new StringContent("{}", Encoding.UTF8, "text/plain");
        Assert.Equal(415, (await RunningServer.Error(await _server.Client.PostAsync("/v1/chat/completions", text))).Status);
        Assert.Equal(404, (await RunningServer.Error(await _server.Client.GetAsync("/v1/nothing"))).Status);
        Assert.Equal(405, (await RunningServer.Error(await _server.Client.GetAsync("/v1/chat/completions"))).Status);
    }

    [Fact]
    public async Task A_foreign_host_name_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        request.Headers.Host = "attacker.example";
        Assert.Equal(403, (await RunningServer.Error(await _server.Client.SendAsync(request))).Status);
        using var local = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        local.Headers.Host = "localhost:1";
        Assert.Equal(HttpStatusCode.OK, (await _server.Client.SendAsync(local)).StatusCode);
    }

    [Fact]
    public async Task Auto_needs_a_router()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost { CanRoute = false });
        var error = await RunningServer.Error(await server.Post("/v1/chat/completions", "{\"model\":\"auto\"," + Message + "}"));
        Assert.Equal((404, "model_not_found"), (error.Status, error.Code));
    }

    [Fact]
    public async Task A_failure_of_the_program_shows_nothing_of_its_inside_and_is_logged()
    {
        var log = new List<string>();
        var host = new WordHost { BeforeWord = (_, _) => throw new InvalidOperationException("secret detail") };
        await using RunningServer server = await RunningServer.StartAsync(host, new ServerOptions { Log = l => { lock (log) log.Add(l); } });
        var error = await RunningServer.Error(await server.Post("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"x\"}"));
        Assert.Equal((500, "server_error", "internal error"), (error.Status, error.Type, error.Message));
        Assert.Contains(log, l => l.Contains("secret detail", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_failure_in_the_middle_of_a_stream_is_an_event_and_there_is_no_done()
    {
        var said = new List<string>();
        var host = new WordHost { BeforeWord = (word, _) => { if (word == 2) throw new CleaveException("/srv/releases/1: the disk is gone"); } };
        await using RunningServer server = await RunningServer.StartAsync(host, new ServerOptions { Remark = l => { lock (said) said.Add(l); } });
        HttpResponseMessage response = await server.Post("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"x\",\"stream\":true}");
        string[] events = (await response.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(3, events.Length);
        using JsonDocument last = JsonDocument.Parse(events[^1]["data: ".Length..]);
        Assert.Equal("internal error", last.RootElement.GetProperty("error").GetProperty("message").GetString());
        Assert.Contains("/srv/releases/1: the disk is gone", Assert.Single(said), StringComparison.Ordinal); // files are the operator's business
    }
}
