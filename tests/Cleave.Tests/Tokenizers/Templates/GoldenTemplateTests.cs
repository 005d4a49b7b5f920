using System.Text.Json.Nodes;
using Cleave.Tokenizers.Templates;

namespace Cleave.Tests.Tokenizers.Templates;

/// <summary>Against Jinja itself; Golden/Templates/make_templates.py says how the values were made.</summary>
public sealed class GoldenTemplateTests
{
    [Theory]
    [InlineData("chatml.jinja")]
    [InlineData("command.jinja")]
    [InlineData("gemma.jinja")]
    [InlineData("llama2.jinja")]
    [InlineData("llama31-tools.jinja")]
    [InlineData("mistral.jinja")]
    [InlineData("phi3.jinja")]
    [InlineData("qwen25.jinja")]
    [InlineData("qwen3.jinja")]
    [InlineData("zephyr.jinja")]
    public void Templates_of_the_families_write_what_jinja_writes(string file)
    {
        JsonObject golden = TemplateCase.Golden("templates.json");
        string source = File.ReadAllText(Path.Combine(TemplateCase.Folder, file));
        JsonNode[] rows = [.. golden["rows"]!.AsArray().Where(r => (string)r!["template"]! == file)!];
        Assert.True(rows.Length >= 10);
        foreach (JsonNode row in rows)
        {
            var variables = new JsonObject
            {
                ["messages"] = golden["chats"]![(string)row["chat"]!]!.DeepClone(),
                ["add_generation_prompt"] = (bool)row["prompt"]!,
                ["bos_token"] = "<s>",
                ["eos_token"] = "</s>",
            };
            if ((bool)row["tools"]!)
                variables["tools"] = golden["tools"]!.DeepClone();
            Assert.Equal((string?)row["text"], TemplateCase.TryRender(source, variables));
        }
    }

    [Fact]
    public void Random_expressions_have_the_values_that_jinja_gives_them()
    {
        JsonObject golden = TemplateCase.Golden("expressions.json");
        JsonObject variables = golden["variables"]!.AsObject();
        string[] wrong = [.. golden["rows"]!.AsArray()
            .Select(r => (Source: (string)r!["source"]!, Wanted: (string?)r["text"], Got: TemplateCase.TryRender((string)r["source"]!, variables)))
            .Where(r => r.Wanted != r.Got)
            .Select(r => $"{r.Source}: wanted {r.Wanted ?? "an error"}, got {r.Got ?? "an error"}")];
        Assert.True(golden["rows"]!.AsArray().Count >= 1000);
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
    }

    [SharedTheory]
    [InlineData("tokenizer-llama3-tiktoken", "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")]
    [InlineData("tokenizer-phi3-mini", "<|user|>\nHi <|end|>\n<|assistant|>\n")]
    public void Real_templates_run(string folder, string expected)
    {
        JsonNode config = JsonNode.Parse(File.ReadAllText(Shared.Data(Path.Combine(folder, "tokenizer_config.json"))))!;
        var variables = new JsonObject
        {
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "Hi " }),
            ["add_generation_prompt"] = true,
            ["bos_token"] = config["bos_token"]!.DeepClone(),
            ["eos_token"] = config["eos_token"]!.DeepClone(),
        };
        Assert.Equal(expected, TemplateCase.Render((string)config["chat_template"]!, variables));
    }

    [Fact]
    public void A_list_that_the_template_made_can_grow_and_one_that_it_was_given_cannot()
    {
        Assert.Equal("[1, 2]", TemplateCase.Render("{% set x = [1] %}{% set _ = x.append(2) %}{{ x }}"));
        var given = new JsonObject { ["messages"] = new JsonArray("a") };
        var error = Assert.Throws<TemplateException>(() => TemplateCase.Render("{{ messages.append(2) }}", given));
        Assert.Contains("'append' would change", error.Message, StringComparison.Ordinal);
    }
}
