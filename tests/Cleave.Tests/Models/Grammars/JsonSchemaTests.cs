using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Models.Sampling.Grammars;
using Cleave.Numerics;
using Cleave.Tokenizers;

namespace Cleave.Tests.Models.Grammars;

/// <summary>Whatever a model would say, what it says under a schema satisfies the schema.</summary>
public class JsonSchemaTests
{
    [Fact]
    public void Random_models_write_documents_that_satisfy_random_schemas()
    {
        var random = new Rng(23);
        int tooLong = 0;
        for (int round = 0; round < 300; round++)
        {
            JsonObject schema = RandomSchemas.Next(random);
            using JsonDocument parsed = JsonDocument.Parse(schema.ToJsonString());
            var validator = new SchemaValidator(parsed.RootElement);
            var constraint = new TokenConstraint(Read(schema.ToJsonString()), TinyModel.Tokenizer);
            for (int text = 0; text < 3; text++)
            {
                // Now and then the shortest document is longer than that, and nothing is made.
                if (Write(constraint, random, limit: text == 2 ? 3000 : 300, flat: text == 1 ? 0.3f : 4) is { } made)
                    AssertSatisfies(validator, made, schema);
                else
                    tooLong++;
            }
        }
        Assert.InRange(tooLong, 0, 60);
    }

    [Fact]
    public void A_transformer_of_random_weights_does_too_and_is_told_when_there_is_no_room()
    {
        Tokenizer tokenizer = TinyModel.Tokenizer;
        var spec = TransformerSpec.Uniform(tokenizer.VocabularySize, 16, 1, 2, 1, 32, 600);
        var random = new Rng(5);
        for (ulong seed = 0; seed < 12; seed++)
        {
            JsonObject schema = RandomSchemas.Next(random);
            using JsonDocument parsed = JsonDocument.Parse(schema.ToJsonString());
            var constraint = new TokenConstraint(Read(schema.ToJsonString()), tokenizer);
            using var generator = new Generator(Transformer.Create(spec, new Rng(seed)));
            var made = new List<int>();
            var options = new SamplingOptions { MaxTokens = 400, Temperature = seed % 3, Seed = seed };
            generator.Generate([1, 2, 3], options, id => id == 0, (id, p) =>
            {
                Assert.InRange(p, 0, 1.0001f);
                made.Add(id);
                return true;
            }, constraint);
            AssertSatisfies(new SchemaValidator(parsed.RootElement), tokenizer.Decode(made.ToArray()), schema);
        }
        using var small = new Generator(Transformer.Create(spec, new Rng(1)));
        var fixedText = new TokenConstraint(Read("{\"const\":\"a long text\"}"), tokenizer);
        Assert.Throws<CapacityException>(() => small.Generate([1], new SamplingOptions { MaxTokens = 10 }, id => id == 0, (_, _) => true, fixedText));
    }

    [Theory]
    [InlineData("{\"type\":\"integer\",\"minimum\":-12,\"maximum\":123}", -12, 123)]
    [InlineData("{\"type\":\"integer\",\"exclusiveMinimum\":99,\"maximum\":1000}", 100, 1000)]
    [InlineData("{\"type\":\"integer\",\"minimum\":-205.5,\"exclusiveMaximum\":-7}", -205, -8)]
    public void Whole_numbers_between_bounds_are_those_and_no_others(string schema, int least, int most)
    {
        Grammar grammar = Read(schema);
        for (int number = -1500; number <= 1500; number++)
            Assert.True(Accepts(grammar, number.ToString()) == (number >= least && number <= most), $"{number}");
        Assert.False(Accepts(grammar, "007"));
    }

    [Theory]
    [InlineData("{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{\"type\":\"null\"},\"c\":{\"type\":\"boolean\"}},\"required\":[\"b\"],\"additionalProperties\":{\"type\":\"integer\"}}",
        "{\"b\":null}|{\"a\":[1,{\"x\":\"\\u00e9\"}],\"b\":null,\"c\":true}|{ \"b\": null, \"d\": 3, \"ab\": 4 }|{\n  \"b\": null\n}",
        "{}|{\"a\":1}|{\"b\":null,\"a\":1}|{\"b\":null,\"d\":\"x\"}|{\"b\":null,\"c\":true,\"c\":3}|{\"b\":null,}|{\"b\":1}")]
    [InlineData("{\"type\":\"array\",\"prefixItems\":[{\"type\":\"string\"},{\"type\":\"integer\"}],\"items\":{\"type\":\"boolean\"},\"minItems\":1,\"maxItems\":3}",
        "[\"a\"]|[\"a\",1]|[\"a\", 1, true]", "[]|[1]|[\"a\",true]|[\"a\",1,true,true]")]
    [InlineData("{\"type\":\"string\",\"pattern\":\"^[a-z]+\\\\\\\\$\"}", "\"ab\\\\\"", "\"\\\\\"|\"ab\"|\"AB\\\\\"")]
    [InlineData("{\"type\":\"string\",\"minLength\":1,\"maxLength\":2}", "\"é👍\"|\"\\n\\\"\"", "\"\"|\"abc\"|\"\\ud83d\"|\"\\x\"")]
    [InlineData("{\"type\":\"number\",\"minimum\":0,\"maximum\":1}", "0|1|0.25|0.999", "1.1|-0.1|2|.5|01")]
    [InlineData("{\"type\":\"array\",\"prefixItems\":[{\"const\":1},{\"const\":2},{\"const\":3},{\"const\":4}],\"items\":false,\"minItems\":2}",
        "[1,2]|[1,2,3]|[1,2,3,4]", "[]|[1]|[1,3]|[1,2,3,4,5]|[1,2,4]")]
    [InlineData("{\"type\":\"array\",\"prefixItems\":[{\"const\":1},{\"const\":2}],\"items\":{\"const\":3},\"minItems\":4,\"maxItems\":5}",
        "[1,2,3,3]|[1,2,3,3,3]", "[1,2,3]|[1,2]|[1,2,3,3,3,3]")]
    [InlineData("{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"a\",\"type\":\"string\",\"title\":\"K\"},\"v\":{\"const\":2.0,\"type\":[\"integer\",\"null\"]}},\"required\":[\"k\"]}",
        "{\"k\":\"a\"}|{\"k\":\"a\",\"v\":2.0}", "{\"k\":\"b\"}|{\"k\":\"a\",\"v\":null}|{}")]
    [InlineData("{\"type\":\"array\",\"prefixItems\":[{\"$ref\":\"#/$defs/a.b\"},{\"$ref\":\"#/$defs/a/b\"},{\"$ref\":\"#/$defs/x[0]\"},{\"$ref\":\"#/$defs/x/0\"},{\"$ref\":\"#/%24defs/~1~0\"}],"
        + "\"minItems\":5,\"$defs\":{\"a.b\":{\"const\":1},\"a\":{\"b\":{\"const\":2}},\"x[0]\":{\"const\":3},\"x\":[{\"const\":4}],\"/~\":{\"const\":5}}}",
        "[1,2,3,4,5]", "[1,1,3,3,5]|[2,2,4,4,5]")]
    [InlineData("{\"oneOf\":[{\"const\":\"a\",\"title\":\"A\"},{\"enum\":[\"b\",\"c\"]},{\"const\":null}]}", "\"a\"|\"c\"|null", "\"d\"")]
    [InlineData("{\"enum\":[\"a\",3,null],\"type\":[\"string\",\"null\"]}", "\"a\"|null", "3|\"b\"")]
    public void Documents_of_and_beside_a_schema(string schema, string accepted, string refused)
    {
        Grammar grammar = Read(schema);
        Assert.All(accepted.Split('|'), text => Assert.True(Accepts(grammar, text), text));
        Assert.All(refused.Split('|'), text => Assert.False(Accepts(grammar, text), text));
    }

    [Theory]
    [InlineData("{\"type\":\"object\",\"patternProperties\":{}}", "patternProperties: the keyword patternProperties is not supported")]
    [InlineData("{\"not\":{}}", "not: the keyword not is not supported")]
    [InlineData("{\"type\":\"array\",\"uniqueItems\":true}", "uniqueItems")]
    [InlineData("{\"type\":\"number\",\"multipleOf\":0.5}", "multipleOf is not supported")]
    [InlineData("{\"type\":\"tuple\"}", "type: there is no type tuple")]
    [InlineData("{\"type\":\"string\",\"pattern\":\"(?=a)\"}", "the pattern is not supported")]
    [InlineData("{\"type\":\"string\",\"pattern\":\"a\",\"minLength\":3}", "pattern beside minLength")]
    [InlineData("{\"type\":\"string\",\"format\":\"ipv6\"}", "the format ipv6 is not supported")]
    [InlineData("{\"anyOf\":[{\"type\":\"string\"}],\"type\":\"string\"}", "anyOf beside type")]
    [InlineData("{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}", "may overlap")]
    [InlineData("{\"oneOf\":[{\"const\":\"\\u0061\"},{\"const\":\"a\"}]}", "may overlap")]
    [InlineData("{\"oneOf\":[{\"type\":\"object\",\"required\":[\"k\"],\"properties\":{\"k\":{\"const\":\"\\u0061\"}}},{\"type\":\"object\",\"required\":[\"k\"],\"properties\":{\"k\":{\"enum\":[\"b\",\"a\"]}}}]}", "may overlap")]
    [InlineData("{\"const\":\"a\",\"type\":\"integer\"}", "const: no value is of the type")]
    [InlineData("{\"const\":\"a\",\"enum\":[\"a\"]}", "const beside enum")]
    [InlineData("{\"$ref\":\"#/$defs/x/00\",\"$defs\":{\"x\":[true]}}", "there is nothing at")]
    [InlineData("{\"$ref\":\"http://example.com/x\"}", "only references within the schema")]
    [InlineData("{\"$ref\":\"#/$defs/none\"}", "there is nothing at #/$defs/none")]
    [InlineData("{\"$ref\":\"#\"}", "begins with itself")]
    [InlineData("{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}", "never comes to an end")]
    [InlineData("{\"type\":\"number\",\"minimum\":0.1,\"maximum\":0.2}", "no whole number lies between")]
    [InlineData("{\"type\":\"string\",\"minLength\":3,\"maxLength\":2}", "nothing satisfies it")]
    [InlineData("{\"type\":\"string\",\"maxLength\":2000000000}", "too many states")]
    [InlineData("{\"type\":\"string\",\"pattern\":\"^(a{1000}){1000}$\"}", "too many states")]
    [InlineData("{\"type\":\"string\",\"pattern\":\"^(a?){10000}(a?){10000}$\"}", "too many states")]
    [InlineData("{\"enum\":[]}", "is empty")]
    [InlineData("{\"type\":\"object\",\"required\":[\"a\"],\"additionalProperties\":false}", "no property of that name is allowed")]
    [InlineData("[]", "expected an object")]
    [InlineData("{\"$id\":1,\"items\":{\"$id\":\"x\"}}", "items.$id")]
    public void What_is_not_supported_is_refused_by_its_name(string schema, string message)
    {
        var error = Assert.ThrowsAny<CleaveException>(() => Read(schema));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.StartsWith("schema.json", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Schemas_that_would_fill_the_memory_are_refused_quickly()
    {
        var constraint = new TokenConstraint(Read(Bomb(12)), TinyModel.Tokenizer);
        Assert.Throws<CapacityException>(() => constraint.CheckRoom(1_000_000));
        Assert.Throws<GrammarException>(() => Read(Bomb(40)));
        string wide = $"{{\"anyOf\":[{string.Join(',', Enumerable.Range(0, 3000).Select(i => $"{{\"type\":\"array\",\"items\":{{\"const\":{i}}}}}"))}]}}";
        Assert.Contains("more rules than", Assert.Throws<GrammarException>(() => Read(wide)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(200_000, "too many states")]
    [InlineData(500, null)]
    public void Very_many_leading_items_are_no_depth(int count, string? refused)
    {
        string schema = $"{{\"type\":\"array\",\"prefixItems\":[{string.Join(',', Enumerable.Repeat("true", count))}]}}";
        if (refused is not null)
            Assert.Contains(refused, Assert.Throws<GrammarException>(() => Read(schema)).Message, StringComparison.Ordinal);
        else
            Assert.True(Accepts(Read(schema), "[" + string.Join(',', Enumerable.Repeat("1", count + 20)) + "]"));
    }

    [Fact]
    public void Optional_characters_are_refused_only_where_they_would_fill_the_memory()
    {
        Grammar grammar = Read("{\"type\":\"string\",\"pattern\":\"^(a?){600}$\"}");
        Assert.True(Accepts(grammar, $"\"{new string('a', 600)}\"") && !Accepts(grammar, $"\"{new string('a', 601)}\""));
    }

    /// <summary>Alternatives of many constants each are compared in time, the last two of which are alike.</summary>
    [Fact]
    public void Alternatives_of_many_constants_are_told_apart()
    {
        static string Alternative(int number)
        {
            string[] names = [.. Enumerable.Range(0, 60).Select(i => $"p{i}"), "last"];
            return $"{{\"type\":\"object\",\"required\":[{string.Join(',', names.Select(n => $"\"{n}\""))}],\"properties\":{{{string.Join(',', names.Select(n => n == "last" ? $"\"{n}\":{{\"const\":\"{number}\"}}" : $"\"{n}\":{{\"$ref\":\"#/$defs/same\"}}"))}}}}}";
        }
        string schema = $"{{\"oneOf\":[{string.Join(',', Enumerable.Range(0, 200).Select(i => Alternative(Math.Min(i, 198))))}],\"$defs\":{{\"same\":{{\"const\":\"same\"}}}}}}";
        Assert.Contains("the alternatives 198 and 199 of oneOf may overlap", Assert.Throws<ModelFileException>(() => Read(schema)).Message, StringComparison.Ordinal);
    }

    /// <summary>Each definition takes the next ten times.</summary>
    private static string Bomb(int depth)
    {
        var definitions = new JsonObject();
        for (int i = 0; i < depth; i++)
        {
            JsonNode next = i == depth - 1 ? new JsonObject { ["type"] = "null" } : new JsonObject { ["$ref"] = $"#/$defs/d{i + 1}" };
            definitions[$"d{i}"] = new JsonObject { ["type"] = "array", ["minItems"] = 10, ["maxItems"] = 10, ["items"] = next };
        }
        return new JsonObject { ["$ref"] = "#/$defs/d0", ["$defs"] = definitions }.ToJsonString();
    }

    private static Grammar Read(string schema) => Grammar.OfJsonSchema(JsonCursor.Parse(Encoding.UTF8.GetBytes(schema), "schema.json"));

    private static void AssertSatisfies(SchemaValidator validator, string made, JsonObject schema)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(made, new JsonDocumentOptions { MaxDepth = 5000 });
        }
        catch (JsonException e)
        {
            Assert.Fail($"{e.Message}\n{made}\n{schema.ToJsonString()}");
            return;
        }
        using (document)
            Assert.True(validator.Problem(document.RootElement) is not { } problem, $"{validator.Problem(document.RootElement)}\n{made}\n{schema.ToJsonString()}");
    }

    /// <summary>What random logits write; flat ones take any token, others have favourites.</summary>
    private static string? Write(TokenConstraint constraint, Rng random, int limit, float flat)
    {
        Tokenizer tokenizer = TinyModel.Tokenizer;
        var sampler = new TokenSampler(new SamplingOptions { Temperature = random.NextInt(2), Seed = (ulong)random.NextInt(1000) });
        var logits = new float[tokenizer.VocabularySize];
        var ids = new List<int>();
        constraint.Begin(id => id == 0);
        try
        {
            constraint.CheckRoom(limit);
        }
        catch (CapacityException)
        {
            return null;
        }
        while (ids.Count < limit && !constraint.IsComplete)
        {
            for (int i = 0; i < logits.Length; i++)
                logits[i] = flat * (float)random.NextGaussian();
            int token = constraint.Choose(sampler, logits, limit - ids.Count).Token;
            if (token == 0)
                break;
            ids.Add(token);
        }
        return tokenizer.Decode(ids.ToArray());
    }

    internal static bool Accepts(Grammar grammar, string text)
    {
        var constraint = new TokenConstraint(grammar, TinyModel.Tokenizer);
        constraint.Begin(id => id == 0);
        return TinyModel.Tokenizer.Encode(text).All(id => constraint.Advance(id)) && constraint.Accepts;
    }
}
