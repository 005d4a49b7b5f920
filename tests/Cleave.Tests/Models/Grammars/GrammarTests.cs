using Cleave.Models.Sampling;
using Cleave.Models.Sampling.Grammars;
using Cleave.Numerics;
using Cleave.Tokenizers;

namespace Cleave.Tests.Models.Grammars;

public class GrammarTests
{
    private const string Arithmetic = """
        # sums of products
        root  ::= sum "\n"
        sum   ::= product (("+" | "-") product)*
        product ::=
          factor ("*" factor)*
        factor ::= [0-9]{1,3} | "(" sum ")"
        """;

    [Theory]
    [InlineData(Arithmetic, "1\n|1+2*(34-5)\n|((((7))))\n", "1|1+\n|1234\n|(1\n|\n")]
    [InlineData("root ::= \"\\x41\\u00e9\\U0001F600\" [^a-z] . | empty\nempty ::=", "Aé😀ZZ|Aé😀你a|", "Aé😀aa|A|Aé😀Z")]
    [InlineData("root ::= item{2,} end?\nitem ::= [äöü]+ \",\"\nend ::= \"!\"", "ä,ö,|öü,ä,ü,!", "ä,|ä,ö,!!|,,")]
    [InlineData("root ::= \"a\" root \"b\" | \"c\"", "c|acb|aaaacbbbb", "acbb|aacb|ab")]
    [InlineData("root ::= [-a^\\]\\-z]{0,2}", "-|^]|az|", "b|aaa")]
    [InlineData("root ::= \"a\"+? \"b\"?? \"c\"++ (\"d\"{2}){1,2}", "cdd|aaabccdddd", "dd|bbcdd|cddd")]
    [InlineData("root ::= \"x\" rest | rest rest\nrest ::= \"(\" rest \")\" |", "|x|()|(())()|x()", "xx|(x)|()()()")]
    public void Texts_of_and_beside_a_grammar(string text, string accepted, string refused)
    {
        Grammar grammar = Grammar.Parse(text, "test.gbnf");
        Assert.All(accepted.Split('|'), t => Assert.True(JsonSchemaTests.Accepts(grammar, t), t));
        Assert.All(refused.Split('|'), t => Assert.False(JsonSchemaTests.Accepts(grammar, t), t));
    }

    [Theory]
    [InlineData("start ::= \"a\"", "there is no rule named root")]
    [InlineData("root ::= \"a\"\nroot ::= \"b\"", ":2: the rule root is there twice")]
    [InlineData("root ::= a\n\na ::= b", ":3: there is no rule named b")]
    [InlineData("root ::= \"a", ":1: this text does not end on its line")]
    [InlineData("root ::= [a", "this class does not end")]
    [InlineData("root ::= (\"a\"", "this group does not end")]
    [InlineData("root ::= \"a\")", "did not expect ')'")]
    [InlineData("root ::= \"\\q\"", "the escape \\q is not known")]
    [InlineData("root ::= \"a\"{3,2}", "ends before it begins")]
    [InlineData("root ::= \"a\"{999999999}", "expected a number up to")]
    [InlineData("root ::= (\"a\"{90000}){90000}", "too many states")]
    [InlineData("root ::= \"a\"{2}{3}", ":1: a repetition stands behind another one")]
    [InlineData("root ::= r s\nr ::= \"a\"{60000}\ns ::= \"b\"{60000}", "too many states")]
    [InlineData("root ::= r s t\nr ::= (\"x\"*){60000}\ns ::= (\"x\"*){60000}\nt ::= (\"x\"*){60000}", "too many states")]
    [InlineData("root ::= b root \"x\" | \"y\"\nb ::= c c\nc ::= \"(\" c \")\" |", "begins with itself")]
    [InlineData("root ::= root \"a\" | \"b\"", "the rule root begins with itself")]
    [InlineData("root ::= e a\ne ::= \"x\"?\na ::= root", "begins with itself")]
    [InlineData("root ::= \"a\" root", "never comes to an end")]
    [InlineData("root ::= [z-a]", "ends before it begins")]
    [InlineData("root ::= []", "no character is in this class")]
    public void Errors_name_the_line_and_the_trouble(string text, string message)
    {
        var error = Assert.Throws<GrammarException>(() => Grammar.Parse(text, "test.gbnf"));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.StartsWith("test.gbnf", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Groups_nested_without_end_are_refused() =>
        Assert.Contains("nested", Assert.Throws<GrammarException>(() => Grammar.Parse("root ::= " + new string('(', 100_000), "x")).Message, StringComparison.Ordinal);

    /// <summary>What is written in a row is no depth, neither of signs nor of rules that take one another.</summary>
    [Fact]
    public void Many_signs_and_long_chains_of_rules_need_no_stack()
    {
        Grammar signs = Grammar.Parse("root ::= \"a\"" + new string('?', 1_000_000), "x");
        Assert.True(JsonSchemaTests.Accepts(signs, "a") && JsonSchemaTests.Accepts(signs, "") && !JsonSchemaTests.Accepts(signs, "aa"));
        string open = new('(', 60), close = string.Concat(Enumerable.Repeat(")?", 60));
        Grammar chain = Grammar.Parse(string.Join('\n', Enumerable.Range(0, 1990).Select(i => $"{(i == 0 ? "root" : $"r{i}")} ::= {open}r{i + 1}{close}")) + "\nr1990 ::= \"a\"", "x");
        Assert.True(JsonSchemaTests.Accepts(chain, "a") && JsonSchemaTests.Accepts(chain, "") && !JsonSchemaTests.Accepts(chain, "aa"));
        string rules = string.Concat(Enumerable.Range(0, 3000).Select(i => $"\nr{i} ::= \"a\""));
        Assert.Contains("more rules than", Assert.Throws<GrammarException>(() => Grammar.Parse("root ::= r0" + rules, "x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Making_a_grammar_can_be_cancelled()
    {
        using var gone = new CancellationTokenSource();
        gone.Cancel();
        var schema = Cleave.Json.JsonCursor.Parse("{\"type\":\"integer\"}"u8, "x");
        Assert.Throws<OperationCanceledException>(() => Grammar.OfJsonSchema(schema, gone.Token));
    }

    /// <summary>The blank that a text begins with is dropped, so one that the grammar begins with needs another before it.</summary>
    [Theory]
    [InlineData("root ::= \" x\"", 3)]
    [InlineData("root ::= \" \"{0,2} \"x\"", 1)]
    [InlineData("root ::= \"x\" \" x\"?", 1)]
    public void A_first_blank_that_is_dropped_keeps_no_text_from_being_written(string text, int needed)
    {
        Tokenizer tokenizer = Tokenizer.Load("""
            {
              "version": "1.0", "added_tokens": [{"id": 5, "content": "</s>", "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false}],
              "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
              "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
              "model": {"type": "BPE", "unk_token": "<unk>", "vocab": {"<unk>": 0, "▁": 1, "x": 2, "▁x": 3, "y": 4}, "merges": ["▁ x"]}
            }
            """u8.ToArray(), "tokenizer.json");
        Grammar grammar = Grammar.Parse(text, "x");
        var constraint = new TokenConstraint(grammar, tokenizer);
        constraint.CheckRoom(needed);
        Assert.Throws<CapacityException>(() => constraint.CheckRoom(needed - 1));
        var random = new Rng(4);
        for (int round = 0; round < 40; round++)
        {
            constraint.Begin(id => id == 5);
            var sampler = new TokenSampler(new SamplingOptions { Temperature = 1, Seed = (ulong)round });
            var ids = new List<int>();
            for (int limit = needed + round % 3; ids.Count < limit && !constraint.IsComplete;)
            {
                int token = constraint.Choose(sampler, [.. Enumerable.Range(0, 6).Select(_ => (float)random.NextGaussian())], limit - ids.Count).Token;
                if (token != 5)
                    ids.Add(token);
            }
            // As bytes, for the grammar is followed by another tokenizer.
            Assert.True(JsonSchemaTests.Accepts(grammar, tokenizer.Decode(ids.ToArray())), string.Join(' ', ids));
        }
    }

    /// <summary>The mask allows exactly the tokens that can be followed one by one, wherever a text has come to.</summary>
    [Fact]
    public void Masks_are_what_following_every_token_finds()
    {
        Tokenizer tokenizer = TinyModel.Tokenizer;
        var random = new Rng(3);
        foreach (Grammar grammar in (Grammar[])[Grammar.Parse(Arithmetic, "a"), Grammar.JsonObject, Grammar.Parse("root ::= (\"the \" | \"th\" [a-z]* \" \"?){1,9} \"é\"", "b")])
        {
            TokenConstraint constraint = new(grammar, tokenizer), other = new(grammar, tokenizer);
            for (int text = 0; text < 2; text++)
            {
                constraint.Begin(id => id == 0);
                var path = new List<int>();
                for (int step = 0; step < 25 && !constraint.IsComplete; step++)
                {
                    var logits = new float[tokenizer.VocabularySize];
                    constraint.Restrict(logits);
                    int[] allowed = [.. Enumerable.Range(0, logits.Length).Where(i => logits[i] == 0)];
                    Assert.Equal(Followed(other, path), allowed);
                    int next = allowed[random.NextInt(allowed.Length)];
                    Assert.True(constraint.Advance(next));
                    if (next == 0)
                        break;
                    path.Add(next);
                }
            }
        }

        int[] Followed(TokenConstraint other, List<int> path) => [.. Enumerable.Range(0, tokenizer.VocabularySize).Where(token =>
        {
            other.Begin(id => id == 0);
            return path.Append(token).All(id => other.Advance(id));
        })];
    }

    [SharedFact]
    public void A_tokenizer_that_drops_the_first_blank_writes_the_grammars_text_all_the_same()
    {
        Tokenizer llama = Cleave.Formats.HuggingFace.TokenizerFile.Load(Shared.Data("tokenizer-llama2-sp"));
        Grammar grammar = Grammar.Parse("root ::= (\"yes\" | \"no\" | \"ünd\") \" sir\"", "x");
        var constraint = new TokenConstraint(grammar, llama);
        var random = new Rng(9);
        for (int text = 0; text < 50; text++)
        {
            constraint.Begin(id => id == llama.EosId);
            var sampler = new TokenSampler(new SamplingOptions { Temperature = 1, Seed = (ulong)text });
            var ids = new List<int>();
            while (!constraint.IsComplete)
            {
                float[] logits = [.. Enumerable.Range(0, llama.VocabularySize).Select(_ => (float)random.NextGaussian())];
                ids.Add(constraint.Choose(sampler, logits, 40 - ids.Count).Token);
            }
            Assert.Contains(llama.Decode(ids.ToArray()), (string[])["yes sir", "no sir", "ünd sir"]);
        }
    }
}
