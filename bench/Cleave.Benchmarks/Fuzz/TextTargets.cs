using System.Text;
using System.Text.Json.Nodes;
using Cleave.Formats.HuggingFace;
using Cleave.Models.Sampling.Grammars;
using Cleave.Numerics;
using Cleave.Splitting.Projects;
using Cleave.Tokenizers.Templates;
using Cleave.Tuning.Objectives;

namespace Cleave.Benchmarks.Fuzz;

/// <summary>Chat templates: parsed and, within narrow limits, run.</summary>
public sealed class TemplateTarget : FuzzTarget
{
    private static readonly string[] Texts =
    [
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
        "{%- if messages[0]['role'] == 'system' -%}{%- set system = messages[0]['content'] | trim -%}{%- set messages = messages[1:] -%}{%- endif -%}\n{{ bos_token }}{% for m in messages if m.content is string %}{{ loop.index0 ~ ': ' ~ m.content | replace('a', 'b') | upper }}{% if not loop.last %}, {% endif %}{% else %}none{% endfor %}",
        "{% macro show(x, depth=2) -%}{% if x is mapping %}{% for k, v in x.items() | sort %}{{ k }}={{ show(v, depth - 1) }};{% endfor %}{% elif x is iterable and x is not string %}[{{ x | map('string') | join(', ') }}]{% else %}{{ x | tojson(indent=2) }}{% endif %}{%- endmacro %}{{ show(messages) }}{% set ns = namespace(n=0) %}{% for i in range(5) %}{% set ns.n = ns.n + i ** 2 %}{% endfor %}{{ ns.n }}{# end #}",
        "{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | list | length }}{{ 'x' * 3 }}{{ [1, 2, 3][::-1] }}{{ (1, 'a') }}{{ {'a': 1}['a'] }}{{ 7 // 2 % 3 - -1 }}{{ 'a' in 'abc' and not false or none }}{{ raise_exception('no') if false else 'fine' }}{{ strftime_now('%Y') }}",
    ];

    private static readonly string[] Phrases =
    [
        "{% for x in range(1000000000) %}a{% endfor %}", "{{ 'a' * 1000000000 }}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{{ [1] * 99999999 }}", "{{ 9 ** 9 ** 9 }}",
        "{% set x = [messages] %}", "{{ x }}", "(((((((((((((((((((((", "[[[[[[[[[[[[[[[[[[[[[[", "{{", "}}", "{%", "%}", "{#", "#}", "| tojson", "| replace('', 'aaaaaaaaaa')", ".__class__", "{% if x %}", "{% endif %}",
        "{% for a in x %}", "{% endfor %}", "{% raw %}", "{% endraw %}", "-1", "99999999999999999999", "1e400", "not ", "is ", "'", "\"", "\\u12", "{% set x = x + x %}", "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}",
        "| join('aaaaaaaaaaaaaaaaaaaa')", "{% generation %}", "{{ messages[::0] }}", "{{ range(10, 0, -1) | list }}", "{% set s = s ~ s %}", "| indent(99999)", "| center(100000000)", "{{ loop.cycle }}", "{% break %}",
    ];

    private static readonly JsonObject Variables = new()
    {
        ["messages"] = new JsonArray(new JsonObject { ["role"] = "system", ["content"] = "be kind" }, new JsonObject { ["role"] = "user", ["content"] = "a\"b\né" }),
        ["add_generation_prompt"] = true,
        ["bos_token"] = "<s>",
        ["x"] = new JsonArray(1, 2.5, null, "s"),
    };

    private static readonly TemplateLimits Limits = new() { Steps = 30_000, Output = 1 << 16, Allocation = 1 << 18 };

    public override string Name => "chat template";

    public override IEnumerable<FuzzFile[]> Goods() => Texts.Select(t => new[] { new FuzzFile("chat_template.jinja", Encoding.UTF8.GetBytes(t)) });

    public override FuzzFile[] Next(Rng random)
    {
        string text = Texts[random.NextInt(Texts.Length)];
        for (int i = random.NextInt(4); i >= 0; i--)
            text = Damage.Characters(text, random, Phrases);
        return [new("chat_template.jinja", Encoding.UTF8.GetBytes(text))];
    }

    public override void Use(string folder)
    {
        string path = Path.Combine(folder, "chat_template.jinja");
        ChatTemplate.Parse(Encoding.UTF8.GetString(JsonFile.ReadBytes(path)), path).Render(Variables, Limits);
    }
}

/// <summary>Files of YAML.</summary>
public abstract class YamlTarget : FuzzTarget
{
    private static readonly string[] Phrases =
    [
        "a: &a [x, x]", "b: &b [*a, *a, *a, *a]", "c: *b", "d: &d [*d]", "<<: *a", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "{{{{{{{{{{{{{{{{{{{{{{{{", "- - - - - - - - - - -", "? x", ": y", "\tx: 1", "--- ", "...", "!!binary x", "!!python/object x",
        "x: |", "  y", "x: >-", "'", "\"", "#", "x: .nan", "x: .inf", "x: 0x7fffffffffffffff", "x: 1e999", "x: 2001-01-01", "x: ~", "x: yes", "%YAML 9.9", "&", "*", "x: *unknown", "name: ../../x", "trials: -1", "trials: 1e99",
        "minutes: 1e308", "latency: 5parsecs", "bytes: -8MB", "low: 5", "high: -5", "log: true", "choices: []", "when: {x: 1}", "type: categorical", "- name: x", "test: '*'", "train: ../data",
    ];

    protected abstract string Text { get; }

    public override IEnumerable<FuzzFile[]> Goods() => [[new("case.yaml", Encoding.UTF8.GetBytes(Text))]];

    public override FuzzFile[] Next(Rng random)
    {
        string text = Text;
        for (int i = random.NextInt(4); i >= 0; i--)
            text = random.NextInt(3) == 0 ? Damage.Characters(text, random, Phrases) : Damage.Lines(text, random, Phrases);
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return [new("case.yaml", random.NextInt(5) == 0 ? Damage.Bytes(bytes, random) : bytes)];
    }
}

/// <summary>The project file of a split.</summary>
public sealed class ProjectTarget : YamlTarget
{
    public override string Name => "project YAML";

    public override IEnumerable<FuzzFile[]> Goods() => [[.. base.Goods().First(), new("intent.train.jsonl", "{}"u8.ToArray()), new("intent.test.jsonl", "{}"u8.ToArray())]];

    protected override string Text => """
        name: support-desk
        base: starter
        seed: 7
        tasks:
          intent:
            kind: classify
            train: intent.train.jsonl
            test: intent.test.jsonl
            text: text
            label: label
            metric: macro-f1
            margin: 0.01
        search:
          trials: 24
          sampler: tpe
          minutes: 10
        budget:
          bytes: 8MB
          latency: 5ms

        """;

    public override void Use(string folder) => ProjectReader.Load(Path.Combine(folder, "case.yaml"));
}

/// <summary>The file of a study.</summary>
public sealed class StudyTarget : YamlTarget
{
    public override string Name => "study YAML";

    protected override string Text => """
        name: branin
        direction: minimize
        trials: 100
        sampler: tpe
        objective:
          command: python3 branin.py
          protocol: lines
          timeout: 5min
        stopping: {rule: hyperband, first: 1, steps: 64, factor: 4}
        space:
          x:  {type: float, low: -5, high: 10}
          lr: {type: float, low: 1e-5, high: 1e-1, log: true}
          layers: {type: int, low: 1, high: 12, step: 1}
          kind: {type: categorical, choices: [adamw, sgd, 3, true]}
          momentum: {type: float, low: 0, high: 0.99, when: {kind: sgd}}

        """;

    public override void Use(string folder) => StudyFile.Load(Path.Combine(folder, "case.yaml"));
}

/// <summary>Grammars in GBNF's notation.</summary>
public sealed class GrammarTarget : FuzzTarget
{
    public override long MostBytes => Grammars;

    private const string Text = "# a grammar\nroot ::= object \"\\n\"?\nvalue ::= object | array | string | number\nobject ::= \"{\" (string \":\" value (\",\" string \":\" value)*)? \"}\"\narray ::= \"[\" (value (\",\" value){0,9})? \"]\"\nstring ::= \"\\\"\" ([^\"\\\\\\x00-\\x1f] | \"\\\\\" [\"n])* \"\\\"\"\nnumber ::= \"-\"? [1-9] [0-9]{0,5}\n";

    private static readonly string[] Phrases =
        ["root ::= root", "a ::= b", "b ::= a | \"x\"", "x{1000000}", "{99999}", "((((((((((((((((", "))))", "[z-a]", "[^]", "[]", "\"", "\\x4", "\\U0010FFFF", "\\ud800", ".", "*", "+?*", "|", "||", "::=", "value*", "(value*)*", "\"\"*", "#", "{,3}", "{3,1}", "value value"];

    public override string Name => "grammar";

    public override IEnumerable<FuzzFile[]> Goods() => [[new("case.gbnf", Encoding.UTF8.GetBytes(Text))]];

    public override FuzzFile[] Next(Rng random)
    {
        string text = Text;
        for (int i = random.NextInt(4); i >= 0; i--)
            text = random.NextInt(3) > 0 ? Damage.Characters(text, random, Phrases) : Damage.Lines(text, random, Phrases);
        return [new("case.gbnf", Encoding.UTF8.GetBytes(text))];
    }

    public override void Use(string folder)
    {
        string path = Path.Combine(folder, "case.gbnf");
        Grammar.Parse(Encoding.UTF8.GetString(JsonFile.ReadBytes(path)), path);
    }
}

/// <summary>JSON Schemas.</summary>
public sealed class SchemaTarget : FuzzTarget
{
    private readonly JsonDamage _damage = new(Text);

    public override long MostBytes => Grammars;

    private const string Text = """
        {"$defs":{"node":{"type":"object","properties":{"next":{"$ref":"#/$defs/node"},"tag":{"enum":["a","b",3,null]}},"required":["tag"],"additionalProperties":{"type":"integer"}}},
         "type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":20},"when":{"type":"string","format":"date"},"code":{"type":"string","pattern":"^[A-Z]{2,3}-\\d+$"},
         "n":{"type":"integer","minimum":-5,"exclusiveMaximum":1000},"p":{"type":"number","minimum":0,"maximum":1},"list":{"type":"array","prefixItems":[{"const":"x"}],"items":{"type":["boolean","null"]},"minItems":1,"maxItems":6},
         "any":{"anyOf":[{"type":"string"},{"$ref":"#/$defs/node"}]},"one":{"oneOf":[{"type":"string"},{"type":"integer"}]}},"required":["name","n"],"additionalProperties":false}
        """;

    public override string Name => "JSON Schema";

    public override IEnumerable<FuzzFile[]> Goods() => [[new("schema.json", Encoding.UTF8.GetBytes(Text))]];

    public override FuzzFile[] Next(Rng random) => [new("schema.json", _damage.Next(random))];

    public override void Use(string folder) => Grammar.OfJsonSchema(JsonFile.Load(Path.Combine(folder, "schema.json")));
}
