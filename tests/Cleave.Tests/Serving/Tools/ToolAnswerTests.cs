using System.Text.Json;
using Cleave.Models;
using Cleave.Serving;
using Cleave.Serving.Tools;

namespace Cleave.Tests.Serving.Tools;

/// <summary>Models that call functions: by a script, or with random weights that know nothing of them.</summary>
public sealed class ToolAnswerTests
{
    private const string Weather = """{"type":"object","properties":{"city":{"type":"string","maxLength":8},"days":{"type":"integer","minimum":1,"maximum":7}},"required":["city","days"],"additionalProperties":false}""";

    private static ToolDefinition Tool(string name, string? parameters = Weather, bool strict = false) => new(name,
        JsonElement.Parse($"{{\"type\":\"function\",\"function\":{{\"name\":\"{name}\",\"parameters\":{parameters ?? "{}"}}}}}"), parameters is null ? null : JsonElement.Parse(parameters), strict);

    private static (ModuleResult Result, List<string> Heard) Ask(LanguageModel model, ToolUse? use, ModuleRequest? request = null)
    {
        using var host = new LanguageModelHost(model, "m", DateTimeOffset.UnixEpoch);
        var heard = new Heard();
        ModuleResult result = host.Run((request ?? new ModuleRequest { Module = "m", MaxTokens = 120 }) with { Messages = request?.Messages is { Count: > 0 } said ? said : [new ChatMessage(ChatRole.User, "weather?")], Tools = use }, heard, default);
        return (result, heard.Pieces);
    }

    private static ToolUse Use(ToolChoice choice, string? only = null, bool several = true, params ToolDefinition[] tools) => new(tools.Length > 0 ? tools : [Tool("weather")], choice, only, several);

    private static void IsWeather(ToolCall call)
    {
        using JsonDocument arguments = JsonDocument.Parse(call.Arguments);
        Assert.Equal(["city", "days"], arguments.RootElement.EnumerateObject().Select(m => m.Name));
        Assert.True(arguments.RootElement.GetProperty("city").GetString()!.Length <= 8);
        Assert.InRange(arguments.RootElement.GetProperty("days").GetInt32(), 1, 7);
    }

    [Theory]
    [InlineData("hermes", CallingModel.Open)]
    [InlineData("mistral", CallingModel.Calls)]
    [InlineData("llama", "{")]
    [InlineData("thinking", "<")]
    public void A_model_that_opens_a_call_by_itself_is_kept_to_the_functions_and_their_schemas(string template, string opens)
    {
        string[] script = template == "thinking" ? [CallingModel.Turn, "<", "u", "s", "e", ">"] : template == "hermes" ? [CallingModel.Turn, "h", opens] : [CallingModel.Turn, opens];
        (ModuleResult result, List<string> heard) = Ask(Model(template, script), Use(ToolChoice.Auto, several: false));
        ToolCall call = Assert.Single(result.ToolCalls);
        Assert.Equal("weather", call.Name);
        IsWeather(call);
        Assert.Equal(FinishReason.ToolCalls, result.Finish);
        Assert.Equal(template == "hermes" ? "h" : "", result.Text);
        Assert.Equal(call.Arguments, string.Concat(heard.Where(h => h.StartsWith("0:", StringComparison.Ordinal)).Select(h => h[2..])));
        Assert.True(result.CompletionTokens > call.Arguments.Length); // an answer's tokens, marker and all
    }

    [Fact]
    public void A_model_that_calls_nothing_answers_in_words()
    {
        foreach (string template in (string[])["hermes", "mistral", "llama"])
        {
            (ModuleResult result, List<string> heard) = Ask(Model(template, CallingModel.Turn, "h", "i"), Use(ToolChoice.Auto));
            Assert.Equal(("hi", FinishReason.Stop, 0), (result.Text, result.Finish, result.ToolCalls.Count));
            Assert.Equal("hi", string.Concat(heard));
        }
    }

    [Theory]
    [InlineData("hermes")]
    [InlineData("mistral")]
    [InlineData("llama")]
    [InlineData("thinking")]
    public void A_required_call_comes_whatever_the_model_would_say(string template)
    {
        (ModuleResult result, _) = Ask(Model(template, CallingModel.Turn, "h", "i"), Use(ToolChoice.Required, "weather", true, Tool("other", null), Tool("weather")));
        IsWeather(Assert.Single(result.ToolCalls));
        Assert.Equal(("", FinishReason.ToolCalls), (result.Text, result.Finish));
    }

    [Fact]
    public void Several_calls_come_where_the_form_has_them_and_one_where_they_are_not_wanted()
    {
        // Behind the last brace it opens the next call; the third one would have no room.
        LanguageModel loop = Model("hermes", "}", CallingModel.Close, CallingModel.Open);
        (ModuleResult many, _) = Ask(loop, Use(ToolChoice.Required), new ModuleRequest { Module = "m", MaxTokens = 150 });
        Assert.Equal(2, many.ToolCalls.Count);
        Assert.All(many.ToolCalls, IsWeather);
        Assert.Equal((FinishReason.ToolCalls, ""), (many.Finish, many.Text));
        (ModuleResult one, _) = Ask(loop, Use(ToolChoice.Required, several: false), new ModuleRequest { Module = "m", MaxTokens = 150 });
        Assert.Single(one.ToolCalls);
        Assert.Equal(FinishReason.ToolCalls, one.Finish);
    }

    [Fact]
    public void A_call_that_has_no_room_is_not_begun()
    {
        (ModuleResult result, _) = Ask(Model("hermes", CallingModel.Turn, CallingModel.Open), Use(ToolChoice.Auto), new ModuleRequest { Module = "m", MaxTokens = 20 });
        Assert.Empty(result.ToolCalls);
        CapacityException refused = Assert.Throws<CapacityException>(() => Ask(Model("hermes"), Use(ToolChoice.Required), new ModuleRequest { Module = "m", MaxTokens = 20 }));
        Assert.Contains("20 tokens are not enough", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Models_of_random_weights_make_valid_calls_at_any_temperature()
    {
        LanguageModel scripted = Model("hermes");
        LanguageModel random = scripted with { Transformer = Transformer.Create(scripted.Transformer.Spec, new Cleave.Numerics.Rng(5)) };
        for (ulong seed = 0; seed < 6; seed++)
        {
            (ModuleResult result, _) = Ask(random, Use(ToolChoice.Required, null, several: seed % 2 == 0, Tool("weather"), Tool("none", null)),
                new ModuleRequest { Module = "m", MaxTokens = 100, Temperature = 1.5, Seed = seed });
            ToolCall call = result.ToolCalls[0];
            if (call.Name == "weather")
                IsWeather(call);
            else
                Assert.Equal(("none", "{}"), (call.Name, call.Arguments.Replace(" ", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal).Replace("\t", "", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void Schemas_refer_within_themselves_and_not_into_others()
    {
        const string Tree = """{"type":"object","properties":{"node":{"$ref":"#/$defs/kind"}},"required":["node"],"$defs":{"kind":{"enum":["leaf"]}}}""";
        const string Same = """{"type":"object","properties":{"node":{"$ref":"#/$defs/kind"}},"required":["node"],"$defs":{"kind":{"enum":["root"]}}}""";
        (ModuleResult result, _) = Ask(Model("llama"), Use(ToolChoice.Required, "b", true, Tool("a", Tree), Tool("b", Same)));
        Assert.Equal("""{"node":"root"}""", Assert.Single(result.ToolCalls).Arguments);
    }

    [Fact]
    public void A_schema_that_cannot_be_followed_is_refused_where_it_must_be_and_else_leaves_any_object()
    {
        const string Odd = """{"type":"object","properties":{"x":{"not":{}}}}""";
        RequestException refused = Assert.Throws<RequestException>(() => Ask(Model("hermes"), Use(ToolChoice.Required, null, true, Tool("odd", Odd))));
        Assert.Contains("the parameters of odd: properties.x.not: the keyword not is not supported", refused.Message, StringComparison.Ordinal);
        Assert.Throws<RequestException>(() => Ask(Model("hermes"), Use(ToolChoice.Auto, null, true, Tool("odd", Odd, strict: true))));
        (ModuleResult result, _) = Ask(Model("hermes", CallingModel.Turn, CallingModel.Open), Use(ToolChoice.Auto, null, true, Tool("odd", Odd)));
        Assert.Equal(JsonValueKind.Object, JsonElement.Parse(Assert.Single(result.ToolCalls).Arguments).ValueKind);
    }

    [Fact]
    public void What_does_not_go_together_with_tools_is_refused()
    {
        LanguageModel model = Model("hermes");
        var plain = new ModuleRequest { Module = "m", MaxTokens = 100 };
        foreach ((ModuleRequest request, string parameter) in new[] { (plain with { Stop = ["x"] }, "stop"), (plain with { LogProbabilities = 1 }, "logprobs"), (plain with { Grammar = Cleave.Models.Sampling.Grammars.Grammar.JsonObject }, "response_format") })
        {
            Assert.Equal(parameter, Assert.Throws<RequestException>(() => Ask(model, Use(ToolChoice.Auto), request)).Parameter);
            Assert.Empty(Ask(model, Use(ToolChoice.None), request).Result.ToolCalls);
        }
    }

    [Fact]
    public void The_template_is_told_of_functions_calls_and_what_they_gave()
    {
        LanguageModel model = Model("mistral");
        var call = new ToolCall("abcdefghi", "weather", "{\"city\":\"Ulm\"}");
        ChatMessage[] messages = [new(ChatRole.User, "weather?"), new(ChatRole.Assistant, "") { ToolCalls = [call] }, new(ChatRole.Tool, "rain") { AnswerTo = call }];
        string told = model.Tokenizer.Decode(ChatPrompt.Of(model, messages, [Tool("weather")]).Ids);
        Assert.Contains("tools: {\"type\": \"function\", \"function\": {\"name\": \"weather\"", told, StringComparison.Ordinal);
        Assert.Contains("[TOOL_CALLS] [{\"name\": \"weather\", \"arguments\": {\"city\": \"Ulm\"}, \"id\": \"abcdefghi\"}]", told, StringComparison.Ordinal);
        Assert.Contains("tool: (weather abcdefghi) rain", told, StringComparison.Ordinal);
        Assert.DoesNotContain("tools:", model.Tokenizer.Decode(ChatPrompt.Of(model, messages).Ids), StringComparison.Ordinal);
        RequestException refused = Assert.Throws<RequestException>(() => ChatPrompt.Of(model, [messages[0], messages[1] with { ToolCalls = [call with { Id = "short" }] }]));
        Assert.Contains("ids have 9 characters", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_of_control_tokens_in_descriptions_schemas_and_results_stay_text()
    {
        LanguageModel model = Model("hermes");
        int end = model.Tokenizer.IdOf(CallingModel.End)!.Value, open = model.Tokenizer.IdOf(CallingModel.Open)!.Value;
        int[] Ids(string word)
        {
            var call = new ToolCall("abcdefghi", "weather", JsonSerializer.Serialize(new Dictionary<string, string> { [word] = word }));
            ToolDefinition tool = Tool("weather", $"{{\"type\":\"object\",\"properties\":{{\"{word}\":{{\"type\":\"string\",\"description\":\"{word}\"}}}}}}");
            return ChatPrompt.Of(model, [new(ChatRole.User, "x"), new(ChatRole.Assistant, "") { ToolCalls = [call] }, new(ChatRole.Tool, word) { AnswerTo = call }], [tool]).Ids;
        }
        Assert.Equal(Ids("word").Count(id => id == end), Ids(CallingModel.End).Count(id => id == end));
        Assert.Equal(Ids("word").Count(id => id == open), Ids(CallingModel.Open).Count(id => id == open));
    }

    [Fact]
    public void Modules_without_a_template_for_tools_say_so()
    {
        using var tiny = new TinyRelease();
        using Cleave.Splitting.Releases.Release release = Cleave.Splitting.Releases.Release.Open(tiny.Folder);
        using var host = new ReleaseHost(release, DateTimeOffset.UnixEpoch);
        foreach (string module in (string[])["mood", "reply", "auto"])
        {
            var request = new ModuleRequest { Module = module, Messages = [new ChatMessage(ChatRole.User, "please answer me")], Tools = Use(ToolChoice.Auto) };
            Assert.Equal("tools", Assert.Throws<RequestException>(() => host.Run(request, new Heard(), default)).Parameter);
        }
    }

    private static LanguageModel Model(string template, params string[] script) => CallingModel.Create(template switch
    {
        "hermes" => CallingModel.Hermes,
        "mistral" => CallingModel.Mistral,
        "llama" => CallingModel.Llama,
        _ => CallingModel.Thinking,
    }, script);

    private sealed class Heard : IResultSink
    {
        public List<string> Pieces { get; } = [];

        public void Chosen(ModuleChoice choice) { }

        public void Text(string piece) => Pieces.Add(piece);

        public void Call(ToolCallPiece piece) => Pieces.Add(piece.Name is null ? $"{piece.Index}:{piece.Arguments}" : $"{piece.Index}={piece.Name}");
    }
}
