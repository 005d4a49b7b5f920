using System.Globalization;
using System.Text;
using Cleave.Formats.HuggingFace;
using Cleave.Json;
using Cleave.Models.Sampling;
using Cleave.Models.Sampling.Grammars;
using Cleave.Numerics;
using Cleave.Tokenizers;

namespace Cleave.Benchmarks.Constraints;

/// <summary>
/// <c>constrained TOKENIZER [TEXTS]</c>: what keeping to a form costs a token, in processor time beyond that of sampling alone:
/// random logits, texts of up to 300 tokens, first without anything remembered, then again.
/// </summary>
internal static class ConstraintCost
{
    private const string Order = """
        {"type":"object","properties":{"id":{"type":"integer","minimum":1},"name":{"type":"string"},"note":{"type":"string","maxLength":200},
         "state":{"enum":["open","paid","sent"]},"items":{"type":"array","items":{"type":"object","properties":{"sku":{"type":"string","pattern":"^[A-Z]{3}-[0-9]{4}$"},
         "price":{"type":"number","minimum":0}},"required":["sku","price"]},"maxItems":20},"paid":{"type":"boolean"}},"required":["id","name","items"]}
        """;

    private const string Words = "root ::= line+\nline ::= word (\" \" word)* \"\\n\"\nword ::= [a-zA-Z]+ [,.]?\n";

    public static int Run(ReadOnlySpan<string> args)
    {
        Tokenizer tokenizer = TokenizerFile.Load(args.Length > 0 ? args[0] : throw new ArgumentException("a tokenizer is missing"));
        int texts = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 40;
        Console.WriteLine($"{tokenizer.VocabularySize} tokens; microseconds of processor time a token beyond sampling ({Sampling(tokenizer):0.0})");
        Console.WriteLine("| form | first texts | again | tokens |\n|---|---|---|---|");
        foreach ((string name, Grammar grammar) in ((string, Grammar)[])[
            ("schema of an order", Grammar.OfJsonSchema(JsonCursor.Parse(Encoding.UTF8.GetBytes(Order), "order"))),
            ("any JSON object", Grammar.JsonObject), ("grammar of words", Grammar.Parse(Words, "words"))])
        {
            var constraint = new TokenConstraint(grammar, tokenizer);
            double first = Cost(constraint, tokenizer, texts, out _), again = Cost(constraint, tokenizer, texts, out int tokens);
            Console.WriteLine($"| {name} | {first - Sampling(tokenizer):0.0} | {again - Sampling(tokenizer):0.0} | {tokens} |");
        }
        return 0;
    }

    private static double Sampling(Tokenizer tokenizer)
    {
        float[] logits = Logits(tokenizer), row = new float[logits.Length];
        var sampler = new TokenSampler(new SamplingOptions());
        const int rounds = 3000;
        TimeSpan start = Environment.CpuUsage.TotalTime;
        for (int i = 0; i < rounds; i++)
        {
            logits.CopyTo(row, 0);
            sampler.Next(row);
        }
        return (Environment.CpuUsage.TotalTime - start).TotalMicroseconds / rounds;
    }

    /// <summary>Microseconds a token, with sampling.</summary>
    private static double Cost(TokenConstraint constraint, Tokenizer tokenizer, int texts, out int tokens)
    {
        float[] logits = Logits(tokenizer), row = new float[logits.Length];
        tokens = 0;
        TimeSpan start = Environment.CpuUsage.TotalTime;
        for (int text = 0; text < texts; text++)
        {
            // Greedy over the same logits, shifted for each text and token: no random numbers are drawn while the clock runs.
            var sampler = new TokenSampler(new SamplingOptions());
            constraint.Begin(id => id == tokenizer.EosId);
            for (int left = 300; left > 0 && !constraint.IsComplete; left--, tokens++)
            {
                int shift = (int)((uint)(text * 7919 + left * 104729) % (uint)row.Length);
                logits.AsSpan(shift).CopyTo(row);
                logits.AsSpan(0, shift).CopyTo(row.AsSpan(row.Length - shift));
                constraint.Choose(sampler, row, left);
            }
        }
        return (Environment.CpuUsage.TotalTime - start).TotalMicroseconds / Math.Max(1, tokens);
    }

    private static float[] Logits(Tokenizer tokenizer)
    {
        var random = new Rng(3);
        return [.. Enumerable.Range(0, tokenizer.VocabularySize).Select(_ => (float)random.NextGaussian())];
    }
}
