using System.Text.Json.Nodes;
using Cleave.Numerics;
using Cleave.Tokenizers.Templates;

namespace Cleave.Tests.Tokenizers.Templates;

[Trait("Kernels", "unused")]
public sealed class TemplateErrorTests
{
    [Theory]
    [InlineData("a\n  {{ 1 + }}", 2, 10, "expected an expression, found '}}'")]
    [InlineData("{% if x %}\ny", 2, 1, "'if' has no end: '{% endif %}' is missing")]
    [InlineData("{% endfor %}", 1, 4, "'endfor' ends nothing that is open")]
    [InlineData("{{ 'abc }}", 1, 4, "the text has no end: ' is missing")]
    [InlineData("{# never", 1, 1, "the comment has no end: '#}' is missing")]
    [InlineData("{% include 'x' %}", 1, 4, "the statement 'include' is not supported; there are if, for, set, macro, generation, break, continue and raw")]
    [InlineData("{{ ) }}", 1, 4, "')' closes nothing that is open")]
    [InlineData("{{ 99999999999999999999 }}", 1, 4, "the whole number does not fit 64 bits")]
    [InlineData("{% break %}", 1, 4, "'break' stands outside of a loop")]
    [InlineData("\n\n{{ x.y.z }}", 3, 5, "'x' is undefined")]
    [InlineData("{{ 'a' + 1 }}", 1, 8, "'+' does not work on a text and a whole number; '~' joins anything as text")]
    [InlineData("{{ 1 // 0 }}", 1, 6, "division by zero")]
    [InlineData("{{ 9223372036854775807 + 1 }}", 1, 24, "the result of '+' does not fit 64 bits")]
    [InlineData("{{ x() }}", 1, 5, "'x' is undefined")]
    [InlineData("{% for a, b in [[1]] %}{% endfor %}", 1, 8, "2 names cannot take 1 values")]
    [InlineData("{{ [1]|tojson(depth=3) }}", 1, 8, "'tojson' has no argument 'depth'")]
    public void The_place_is_named(string source, int line, int column, string problem)
    {
        var error = Assert.Throws<TemplateException>(() => TemplateCase.Render(source));
        Assert.Equal((line, column, problem), (error.Line, error.Column, error.Problem));
        Assert.Equal($"test: chat template, line {line}, column {column}: {problem}", error.Message);
        Assert.False(error.IsRefusal);
    }

    [Fact]
    public void A_refusal_is_told_apart()
    {
        var error = Assert.Throws<TemplateException>(() => TemplateCase.Render("{{ raise_exception('no ' ~ 'way') }}"));
        Assert.Equal((true, "no way"), (error.IsRefusal, error.Problem));
    }

    /// <summary>Each of these would run for ever, fill the memory or the stack.</summary>
    [Theory]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}", "characters and elements|steps")]
    [InlineData("{% set ns = namespace(s='aaaaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "characters and elements")]
    [InlineData("{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}", "steps|characters and elements")]
    [InlineData("{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l == ns.l[0] }}|{{ ns.l|tojson }}", "steps|characters and elements")]
    [InlineData("{% set x = [] %}{% set _ = x.append(x) %}{{ x }}", "it may hold itself")]
    [InlineData("{% set x = [] %}{% set _ = x.append(x) %}{{ x|tojson }}", "it may hold itself")]
    [InlineData("{% set x = [] %}{% set _ = x.append(x) %}{% set y = [] %}{% set _ = y.append(y) %}{{ x == y }}", "it may hold itself")]
    [InlineData("{% set x = [1] %}{% for i in x %}{% set _ = x.append(i) %}{% endfor %}", "steps|characters and elements")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nested deeper")]
    [InlineData("{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}", "nested deeper")]
    [InlineData("{{ 'a' * 999999999999 }}", "characters and elements")]
    [InlineData("{{ [0] * 999999999999 }}", "characters and elements")]
    [InlineData("{{ 'a'|indent(999999999) }}", "characters and elements")]
    [InlineData("{{ [[1]]|tojson(indent=999999999) }}", "characters and elements")]
    [InlineData("{{ [1]|batch(2000000000, 0)|list }}", "characters and elements")]
    [InlineData("{{ [1]|slice(2000000000)|list }}", "characters and elements")]
    [InlineData("{{ range(2000000000) }}", "more than 100000")]
    [InlineData("{% set s = 'a' * 9999999 %}{{ s.replace('', s) }}", "characters and elements")]
    [InlineData("{% for i in range(99999) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }}{% endfor %}", "longer than")]
    [InlineData("{{ 2 ** 9999999999 }}", "does not fit 64 bits")]
    public void What_asks_for_too_much_ends_in_a_clean_error(string source, string oneOf)
    {
        var error = Assert.Throws<TemplateException>(() => TemplateCase.Render(source));
        Assert.True(oneOf.Split('|').Any(p => error.Problem.Contains(p, StringComparison.Ordinal)), error.Problem);
    }

    [Theory]
    [InlineData("(", ")")]
    [InlineData("[", "]")]
    [InlineData("-", "")]
    [InlineData("not ", "")]
    public void Deep_expressions_end_in_a_clean_error(string open, string close)
    {
        string source = "{{ " + string.Concat(Enumerable.Repeat(open, 100_000)) + "1" + string.Concat(Enumerable.Repeat(close, 100_000)) + " }}";
        Assert.Null(TemplateCase.TryRender(source));
        Assert.Null(TemplateCase.TryRender("{{ 1" + string.Concat(Enumerable.Repeat(" + 1", 100_000)) + " }}"));
        Assert.Null(TemplateCase.TryRender("{{ 'a'" + string.Concat(Enumerable.Repeat("|trim", 100_000)) + " }}"));
        Assert.Null(TemplateCase.TryRender(string.Concat(Enumerable.Repeat("{% if 1 %}", 50_000))));
    }

    /// <summary>Mutated templates of every family: whatever comes, it is a text or a clean error.</summary>
    [Fact]
    public void Mutated_templates_render_or_end_in_clean_errors()
    {
        string[] sources = [.. Directory.EnumerateFiles(TemplateCase.Folder, "*.jinja").Order(StringComparer.Ordinal).Select(File.ReadAllText)];
        string[] pieces = ["{{", "}}", "{%", "%}", "{%-", "-%}", "{#", "#}", "'", "\"", "\\", "(", ")", "[", "]", "|", ".", "~", "**", " in ", " is ", " not ", "loop", "messages", "0", "9e99", "-1", ":", ",", "=", "{% endif %}", "{% endfor %}", "{% raw %}", "\ud83d", "\0", "|tojson", "range(9)", "{% macro m(a=1) %}"];
        JsonObject golden = TemplateCase.Golden("templates.json");
        var limits = new TemplateLimits { Steps = 200_000, Allocation = 1 << 20, Output = 1 << 18 };
        var rng = new Rng(11);
        int rendered = 0, refused = 0;
        for (int trial = 0; trial < 4000; trial++)
        {
            string source = sources[rng.NextInt(sources.Length)];
            for (int change = rng.NextInt(4); change >= 0; change--)
            {
                int at = rng.NextInt(source.Length + 1), length = rng.NextInt(Math.Min(12, source.Length - at + 1));
                source = rng.NextInt(3) switch
                {
                    0 => source.Remove(at, length),
                    1 => source.Insert(at, pieces[rng.NextInt(pieces.Length)]),
                    _ => source.Insert(rng.NextInt(source.Length + 1), source.Substring(at, length)),
                };
            }
            var variables = new JsonObject { ["messages"] = golden["chats"]!["tools"]!.DeepClone(), ["tools"] = golden["tools"]!.DeepClone(), ["bos_token"] = "<s>", ["eos_token"] = "</s>", ["add_generation_prompt"] = true };
            if (TemplateCase.TryRender(source, variables, limits) is null)
                refused++;
            else
                rendered++;
        }
        Assert.InRange(rendered, 500, 3500);
        Assert.InRange(refused, 500, 3500);
    }
}
