using System.ClientModel;
using System.Net;
using System.Text;
using System.Text.Json;
using Cleave.Models;
using Cleave.Server;
using Cleave.Serving;
using Cleave.Serving.Allocation;
using Cleave.Serving.Engine;
using Cleave.Serving.Remote;
using Cleave.Serving.Versions;
using Cleave.Splitting.Releases;
using Cleave.Tests.Serving;
using Cleave.Tests.Serving.Versions;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Embeddings;

namespace Cleave.Tests.Server;

/// <summary>The API over real models: several answers, scores, labels, spans, vectors, and clients that leave.</summary>
public sealed class ApiTests : IClassFixture<TinyRelease>, IAsyncLifetime, IDisposable
{
    private static readonly DateTimeOffset Made = DateTimeOffset.UnixEpoch;
    private readonly TinyRelease _tiny;
    private readonly Release _release;
    private readonly ReleaseHost _host;
    private RunningServer _server = null!;

    public ApiTests(TinyRelease tiny)
    {
        _tiny = tiny;
        _release = Release.Open(tiny.Folder);
        _host = new ReleaseHost(_release, Made);
    }

    public async Task InitializeAsync() => _server = await RunningServer.StartAsync(_host);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    public void Dispose()
    {
        _host.Dispose();
        _release.Dispose();
    }

    private OpenAIClient Client => new(new ApiKeyCredential("any"), new OpenAIClientOptions { Endpoint = new Uri(_server.Server.Addresses[0] + "/v1") });

    private async Task<JsonElement> Ask(string path, string json)
    {
        HttpResponseMessage response = await _server.Post(path, json);
        string body = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, body);
        return JsonElement.Parse(body);
    }

    private async Task<JsonElement[]> Events(string path, string json)
    {
        HttpResponseMessage response = await _server.Post(path, json);
        string[] events = (await response.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("data: [DONE]", events[^1]);
        return [.. events[..^1].Select(e => JsonElement.Parse(e["data: ".Length..]))];
    }

    [Fact]
    public async Task Several_answers_have_the_seeds_that_follow_and_their_prompt_is_counted_once()
    {
        const string Request = "{\"model\":\"reply\",\"prompt\":\"answer me\",\"temperature\":2,\"max_tokens\":6,";
        JsonElement three = await Ask("/v1/completions", Request + "\"seed\":7,\"n\":3}");
        JsonElement[] one = [await Ask("/v1/completions", Request + "\"seed\":7}"), await Ask("/v1/completions", Request + "\"seed\":8}"), await Ask("/v1/completions", Request + "\"seed\":9}")];
        string[] texts = [.. one.Select(o => o.GetProperty("choices")[0].GetProperty("text").GetString()!)];
        Assert.Equal(texts, three.GetProperty("choices").EnumerateArray().Select(c => c.GetProperty("text").GetString()));
        Assert.Equal([0, 1, 2], three.GetProperty("choices").EnumerateArray().Select(c => c.GetProperty("index").GetInt32()));
        Assert.True(texts.Distinct().Count() > 1);
        JsonElement usage = three.GetProperty("usage");
        Assert.Equal(one[0].GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), usage.GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(one.Sum(o => o.GetProperty("usage").GetProperty("completion_tokens").GetInt32()), usage.GetProperty("completion_tokens").GetInt32());
        JsonElement[] events = await Events("/v1/completions", Request + "\"seed\":7,\"n\":3,\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
        JsonElement[] choices = [.. events.SelectMany(e => e.GetProperty("choices").EnumerateArray())];
        for (int i = 0; i < 3; i++)
        {
            JsonElement[] own = [.. choices.Where(c => c.GetProperty("index").GetInt32() == i)];
            Assert.Equal(texts[i], string.Concat(own.Select(c => c.GetProperty("text").GetString())));
            Assert.Single(own, c => c.GetProperty("finish_reason").ValueKind == JsonValueKind.String);
        }
        Assert.Equal(usage.GetRawText(), events[^1].GetProperty("usage").GetRawText());
    }

    [Fact]
    public async Task Scores_are_understood_by_the_official_client_and_streams_tell_the_same()
    {
        ChatClient chat = Client.GetChatClient("reply");
        var options = new ChatCompletionOptions { IncludeLogProbabilities = true, TopLogProbabilityCount = 3, MaxOutputTokenCount = 8 };
        ChatCompletion whole = await chat.CompleteChatAsync([new UserChatMessage("answer me")], options);
        Assert.Equal(whole.Usage.OutputTokenCount, whole.ContentTokenLogProbabilities.Count);
        Assert.All(whole.ContentTokenLogProbabilities, t =>
        {
            Assert.Equal(3, t.TopLogProbabilities.Count);
            Assert.Equal((t.Token, t.LogProbability), (t.TopLogProbabilities[0].Token, t.TopLogProbabilities[0].LogProbability)); // greedy
            Assert.True(t.LogProbability <= 0);
        });
        Assert.Equal(whole.Content[0].Text, Encoding.UTF8.GetString([.. whole.ContentTokenLogProbabilities.SelectMany(t => t.Utf8Bytes!.Value.ToArray())]).Trim());
        var streamed = new List<float>();
        await foreach (StreamingChatCompletionUpdate update in chat.CompleteChatStreamingAsync([new UserChatMessage("answer me")], options))
            streamed.AddRange(update.ContentTokenLogProbabilities.Select(t => t.LogProbability));
        Assert.Equal(whole.ContentTokenLogProbabilities.Select(t => t.LogProbability), streamed);
    }

    [Fact]
    public async Task Plain_completions_have_scores_in_their_own_form()
    {
        JsonElement choice = (await Ask("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"answer me\",\"max_tokens\":5,\"logprobs\":2}")).GetProperty("choices")[0];
        JsonElement scores = choice.GetProperty("logprobs");
        string[] tokens = [.. scores.GetProperty("tokens").EnumerateArray().Select(t => t.GetString()!)];
        int[] offsets = [.. scores.GetProperty("text_offset").EnumerateArray().Select(t => t.GetInt32())];
        Assert.Equal(5, tokens.Length);
        for (int i = 0, at = 0; i < tokens.Length; at += tokens[i++].Length)
        {
            Assert.Equal(at, offsets[i]);
            Assert.Equal(scores.GetProperty("token_logprobs")[i].GetSingle(), scores.GetProperty("top_logprobs")[i].GetProperty(tokens[i]).GetSingle());
        }
        Assert.Equal("logprobs", (await RunningServer.Error(await _server.Post("/v1/completions", "{\"model\":\"mood\",\"prompt\":\"x\",\"logprobs\":2}"))).Param);
    }

    [Fact]
    public async Task Labels_and_spans_come_without_a_conversation()
    {
        HttpResponseMessage response = await _server.Post("/v1/classify", "{\"model\":\"mood\",\"input\":[\"so loud, shout\",\"quiet and calm\"]}");
        JsonElement classes = JsonElement.Parse(await response.Content.ReadAsStringAsync());
        Assert.Equal(["loud", "calm"], classes.GetProperty("data").EnumerateArray().Select(d => d.GetProperty("label").GetString()));
        Assert.All(classes.GetProperty("data").EnumerateArray(), d =>
        {
            Assert.InRange(d.GetProperty("confidence").GetDouble(), 0.5, 1);
            Assert.Equal(("mood", "named"), (d.GetProperty("module").GetString(), d.GetProperty("route").GetString()));
        });
        Assert.Equal(6, classes.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(_release.Manifest.Hash, response.Headers.GetValues("x-cleave-version").Single());
        foreach (string header in (string[])["x-cleave-compute-ms", "x-cleave-queue-ms", "x-cleave-joules"])
            Assert.True(double.Parse(response.Headers.GetValues(header).Single(), System.Globalization.CultureInfo.InvariantCulture) >= 0);
        Assert.Contains(response.Headers.GetValues("x-cleave-energy").Single(), (string[])["measured", "estimated"]);
        const string Text = "who is there? it is anna";
        JsonElement found = (await Ask("/v1/extract", $"{{\"model\":\"names\",\"input\":\"{Text}\"}}")).GetProperty("data")[0];
        string expected = _host.Run(new ModuleRequest { Module = "names", Prompt = Text }, new Unheard(), default).Text;
        Assert.Equal(expected, found.GetProperty("spans").GetRawText());
        Assert.False(found.TryGetProperty("label", out _));
        JsonElement routed = (await Ask("/v1/classify", "{\"model\":\"auto\",\"input\":\"shout, silence\"}")).GetProperty("data")[0];
        Assert.Equal(("mood", "router"), (routed.GetProperty("task").GetString(), routed.GetProperty("route").GetString()));
    }

    [Fact]
    public async Task Vectors_are_the_embedders_own_in_both_encodings()
    {
        EmbeddingClient embeddings = Client.GetEmbeddingClient("reply");
        OpenAIEmbeddingCollection made = await embeddings.GenerateEmbeddingsAsync(["hello", "who is there?"]); // asks for base64
        LanguageModel model = ModelFolder.LoadFrozen(_tiny.Reply);
        using var embedder = new TextEmbedder(model);
        (float[] hello, int tokens) = embedder.Embed("hello");
        Assert.Equal(hello, made[0].ToFloats().ToArray());
        Assert.Equal(tokens + embedder.Embed("who is there?").Tokens, made.Usage.InputTokenCount);
        JsonElement floats = await Ask("/v1/embeddings", "{\"model\":\"reply\",\"input\":\"hello\",\"encoding_format\":\"float\",\"dimensions\":16}");
        Assert.Equal(hello, floats.GetProperty("data")[0].GetProperty("embedding").EnumerateArray().Select(v => v.GetSingle()));
        foreach ((string body, string param) in new[] { ("{\"model\":\"reply\",\"input\":\"a\",\"dimensions\":8}", "dimensions"), ("{\"model\":\"mood\",\"input\":\"a\"}", "model"),
            ("{\"model\":\"auto\",\"input\":\"a\"}", "model"), ($"{{\"model\":\"reply\",\"input\":\"{new string('日', 60)}\"}}", "input") })
        {
            var error = await RunningServer.Error(await _server.Post("/v1/embeddings", body));
            Assert.Equal((400, param), (error.Status, error.Param));
        }
    }

    [Fact]
    public async Task A_client_that_leaves_in_the_middle_of_a_stream_leaves_nothing_behind()
    {
        LanguageModel model = Cleave.Tests.Serving.Engine.DecisiveModel.Create("llama");
        using var host = new LanguageModelHost(model, "slow", Made, new ServingOptions { Engine = new EngineOptions { MaxSequences = 2 } });
        await using RunningServer server = await RunningServer.StartAsync(host);
        for (int round = 0; round < 5; round++)
        {
            using var leave = new CancellationTokenSource();
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
            {
                Content = new StringContent("{\"model\":\"slow\",\"prompt\":\"please help\",\"stream\":true,\"n\":4,\"temperature\":1,\"max_tokens\":60}", Encoding.UTF8, "application/json"),
            };
            HttpResponseMessage response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, leave.Token);
            using (Stream stream = await response.Content.ReadAsStreamAsync(leave.Token))
                Assert.True(await stream.ReadAsync(new byte[16], leave.Token) > 0);
            await leave.CancelAsync();
            response.Dispose();
        }
        Assert.True(SpinWait.SpinUntil(() => host.Load == new EngineLoad(0, 0, 0), TimeSpan.FromSeconds(30)), host.Load.ToString());
        HttpResponseMessage after = await server.Post("/v1/completions", "{\"model\":\"slow\",\"prompt\":\"please\",\"max_tokens\":3}");
        Assert.Equal(HttpStatusCode.OK, after.StatusCode);
        var tooLong = await RunningServer.Error(await server.Post("/v1/completions", $"{{\"model\":\"slow\",\"prompt\":\"{new string('日', 70)}\"}}"));
        Assert.Equal((400, "context_length_exceeded"), (tooLong.Status, tooLong.Code));
        Assert.Equal(new EngineLoad(0, 0, 0), host.Load);
    }

    [Fact]
    public async Task The_description_is_of_the_routes_that_exist_and_of_what_requests_may_say()
    {
        string text = await _server.Client.GetStringAsync("/openapi.json");
        JsonElement description = JsonElement.Parse(text);
        string[] described = [.. description.GetProperty("paths").EnumerateObject().SelectMany(p => p.Value.EnumerateObject().Select(m => $"{m.Name.ToUpperInvariant()} {p.Name}")).Order(StringComparer.Ordinal)];
        using var versions = new VersionedHost(new SayingHost("a").Version(), (folder, _) => new SayingHost(folder).Version());
        // Administrators' routes are there where versions, an allocator and remote modules are.
        using var remotes = new RemoteModules([("far", [new Uri("http://127.0.0.1:1/")])]);
        using var allocator = new ServingAllocator(new AllocatorOptions());
        await using RunningServer all = await RunningServer.StartAsync(new RemoteHost(remotes, versions), new ServerOptions { Allocator = allocator });
        Assert.Equal([.. all.Server.Routes.Select(r => $"{r.Method} {r.Path}").Order(StringComparer.Ordinal)], described);
        // A member that requests may not have is refused by name, so a described one must get past that.
        foreach ((string path, string schema) in new[] { ("chat/completions", "ChatRequest"), ("completions", "TextRequest"), ("classify", "ClassifyRequest"), ("extract", "ExtractRequest"), ("embeddings", "EmbeddingRequest"), ("feedback", "FeedbackRequest") })
        {
            foreach (string name in description.GetProperty("components").GetProperty("schemas").GetProperty(schema).GetProperty("properties").EnumerateObject().Select(p => p.Name))
            {
                var error = await RunningServer.Error(await _server.Post("/v1/" + path, $"{{\"{name}\":{{}}}}"));
                Assert.NotEqual("unsupported_parameter", error.Code);
            }
            Assert.Equal("unsupported_parameter", (await RunningServer.Error(await _server.Post("/v1/" + path, "{\"wibble\":{}}"))).Code);
        }
        foreach (System.Text.RegularExpressions.Match reference in System.Text.RegularExpressions.Regex.Matches(text, "\"#/components/(\\w+)/(\\w+)\""))
            Assert.True(description.GetProperty("components").GetProperty(reference.Groups[1].Value).TryGetProperty(reference.Groups[2].Value, out _), reference.Value);
    }

    private sealed class Unheard : IResultSink
    {
        public void Chosen(ModuleChoice choice)
        {
            // Not asked for.
        }

        public void Text(string piece)
        {
            // Not asked for.
        }
    }
}
