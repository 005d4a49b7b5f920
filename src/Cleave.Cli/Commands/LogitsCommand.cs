using System.CommandLine;
using System.Text.Json;
using Cleave.Cli.Shell;
using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;
using Cleave.Tokenizers;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave logits</c>: raw logits, for comparing with other engines.</summary>
internal static class LogitsCommand
{
    private const int Shown = 5;
    private static readonly Argument<string> Model = ModelArgument.CreateForWeights();
    private static readonly Option<string> Tokens = new("--tokens") { Description = "Token ids with commas between; an encoder-decoder's encoder reads them.", HelpName = "IDS", Required = true };
    private static readonly Option<string?> DecoderTokens = new("--decoder-tokens")
    {
        Description = "What an encoder-decoder's decoder reads, one row each; without it, the token that answers begin with.",
        HelpName = "IDS",
    };

    public static Verb Create() => new Verb("logits", "Print a model's raw logits, one row a token: of the next token, or of the token itself where the model is an encoder; without --json the largest few of each row.")
    {
        Model, Tokens, DecoderTokens, SharedOptions.Threads, SharedOptions.Json,
    }
    .Example("cleave logits starter --tokens 1,2,3 --json", "{\"logits\": one row of V numbers for each token}")
    .Example("cleave logits starter --tokens 1,2,3", "the five most likely next tokens after each")
    .Example("cleave logits flan-t5-small --tokens 13959,1566,1 --decoder-tokens 0,3", "an encoder-decoder: the encoder reads three tokens, the decoder two")
    .Runs(Run);

    private static int Run(Call call)
    {
        (Transformer model, Lazy<ITokenizer?> tokenizer) = ModelArgument.LoadWeights(call, Model);
        int[] ids = Parse(Tokens.Name, call.Get(Tokens), model.Spec);
        using var tape = new Tape(records: false);
        (int[] rows, Tensor logits) = model.Encoder is null ? Continued(call, tape, model, ids) : Answered(call, tape, model, ids);
        foreach (float value in logits.Data)
        {
            if (!float.IsFinite(value))
                throw new CleaveException($"{call.Get(Model)}: a logit is {value}; the weights are damaged or out of range");
        }
        if (call.Json)
            call.WriteJson(w => WriteJson(w, logits));
        else
            WriteTable(call.Out, tokenizer.Value, rows, logits, model.Spec.Bidirectional);
        return Exit.Done;
    }

    private static (int[] Rows, Tensor Logits) Continued(Call call, Tape tape, Transformer model, int[] ids) => call.Get(DecoderTokens) is not null
        ? throw new CleaveException($"{DecoderTokens.Name} is for an encoder-decoder; this {model.Spec.Family} model reads {Tokens.Name} alone")
        : (ids, model.Logits(tape, model.Forward(tape, new TokenBatch().Add(ids))));

    private static (int[] Rows, Tensor Logits) Answered(Call call, Tape tape, Transformer model, int[] ids)
    {
        int[] rows = call.Get(DecoderTokens) is { } text ? Parse(DecoderTokens.Name, text, model.Spec) : [model.Spec.DecoderStart];
        EncodedSource source = model.Encode(tape, new TokenBatch().Add(ids));
        return (rows, model.Logits(tape, model.Forward(tape, new TokenBatch().Add(rows), source: source)));
    }

    private static int[] Parse(string option, string text, TransformerSpec spec)
    {
        string[] words = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        int[] ids = [.. words.Select(w => int.TryParse(w, out int id) ? id : throw new CleaveException($"{option}: '{w}' is not a token id"))];
        if (ids.Length == 0 || ids.Length > spec.ContextLength)
            throw new CleaveException($"{option} has {ids.Length} ids, but the model takes 1 to {spec.ContextLength}");
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)spec.VocabularySize)
                throw new CleaveException($"{option}: the model has no token {id}; its ids are 0 to {spec.VocabularySize - 1}");
        }
        return ids;
    }

    private static void WriteJson(Utf8JsonWriter w, Tensor logits)
    {
        w.WriteStartObject();
        w.WriteStartArray("logits");
        for (int row = 0; row < logits.Rows; row++)
        {
            w.WriteStartArray();
            foreach (float value in logits.Data.Slice(row * logits.Columns, logits.Columns))
                w.WriteNumberValue(value);
            w.WriteEndArray();
        }
        w.WriteEndArray();
        w.WriteEndObject();
    }

    private static void WriteTable(TextWriter output, ITokenizer? tokenizer, int[] ids, Tensor logits, bool isEncoder)
    {
        var table = isEncoder ? new TextTable("at", "token", "guess", "token", "logit") : new TextTable("after", "token", "next", "token", "logit");
        for (int row = 0; row < ids.Length; row++)
        {
            float[] values = logits.Data.Slice(row * logits.Columns, logits.Columns).ToArray();
            foreach (int next in Enumerable.Range(0, values.Length).OrderByDescending(i => values[i]).Take(Shown))
                table.Row($"{ids[row]}", Name(tokenizer, ids[row]), $"{next}", Name(tokenizer, next), $"{values[next]:0.0000}");
        }
        table.Write(output);
    }

    // An embedding may have more rows than the tokenizer has tokens.
    private static string Name(ITokenizer? tokenizer, int id) => id < tokenizer?.VocabularySize ? tokenizer.TokenOf(id) : "";
}
