using System.CommandLine;
using System.Text.Json;
using Cleave.Cli.Shell;
using Cleave.Tokenizers;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave tokenize</c>: text to token ids and back, line by line.</summary>
internal static class TokenizeCommand
{
    private const string Input = "standard input";
    private static readonly Argument<string> Model = ModelArgument.CreateForTokenizer();
    private static readonly Option<bool> Decode = new("--decode") { Description = "Go back from ids to text." };
    private static readonly Option<bool> Special = new("--special") { Description = "Names of special tokens in the text become those tokens." };

    private static readonly Option<bool> Template = new("--template") { Description = "Add the tokens that the tokenizer puts around a text, and cut it to its maximal length." };

    public static Verb Create() => new Verb("tokenize", "Turn text into a model's token ids, or back. Reads lines from standard input; "
        + "with --json lines {\"text\"} become {\"ids\"}.")
    {
        Model, Decode, Special, Template, SharedOptions.Json,
    }
    .Example("cleave tokenize starter --json < in.jsonl", "{\"text\"} lines to {\"ids\"} lines")
    .Example("cleave tokenize starter --json --decode < ids.jsonl", "{\"ids\"} lines back to {\"text\"} lines")
    .Example("cleave tokenize model.gguf --special --template < words.txt", "ids as the model is given them, of a GGUF file's own tokenizer")
    .Example("cleave tokenize starter < words.txt", "one text a line to ids with blanks between")
    .Runs(Run);

    private static int Run(Call call)
    {
        ITokenizer tokenizer = ModelArgument.LoadTokenizer(call, Model);
        bool decode = call.Get(Decode), special = call.Get(Special);
        long line = 0;
        while (call.In.ReadLine() is { } text)
        {
            call.Cancel.ThrowIfCancellationRequested();
            line++;
            if (call.Json && string.IsNullOrWhiteSpace(text))
                continue;
            if (decode)
                WriteText(call, tokenizer.Decode(Ids(call.Json, text, line, tokenizer.VocabularySize)));
            else
                WriteIds(call, Encoded(tokenizer, call.Json ? JsonLine(text, line, "text", TextOf) : text, special, call.Get(Template)));
        }
        return Exit.Done;
    }

    private static int[] Encoded(ITokenizer tokenizer, string text, bool special, bool template) =>
        template ? tokenizer.EncodeForModel(text, parseSpecial: special).Ids : tokenizer.Encode(text, special);

    private static void WriteIds(Call call, int[] ids)
    {
        if (!call.Json)
        {
            call.Out.WriteLine(string.Join(' ', ids));
            return;
        }
        call.WriteJson(w =>
        {
            w.WriteStartObject();
            w.WriteStartArray("ids");
            foreach (int id in ids)
                w.WriteNumberValue(id);
            w.WriteEndArray();
            w.WriteEndObject();
        });
    }

    private static void WriteText(Call call, string text)
    {
        if (!call.Json)
        {
            call.Out.WriteLine(text);
            return;
        }
        call.WriteJson(w =>
        {
            w.WriteStartObject();
            w.WriteString("text", text);
            w.WriteEndObject();
        });
    }

    private static int[] Ids(bool json, string line, long number, int vocabulary)
    {
        int[] ids = json ? JsonLine(line, number, "ids", v => v.EnumerateArray().Select(i => i.GetInt32()).ToArray())
            : [.. line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
                .Select(w => int.TryParse(w, out int id) ? id : throw new DataFileException(Input, $"'{w}' is not a token id", number))];
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)vocabulary)
                throw new DataFileException(Input, $"the model has no token {id}; its ids are 0 to {vocabulary - 1}", number);
        }
        return ids;
    }

    private static string TextOf(JsonElement value) => value.GetString() ?? throw new InvalidOperationException("it is null");

    private static T JsonLine<T>(string line, long number, string member, Func<JsonElement, T> read)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(member, out JsonElement value))
                return read(value);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new DataFileException(Input, $"not a line {{\"{member}\"}}: {e.Message}", number);
        }
        throw new DataFileException(Input, $"a line is an object with the member \"{member}\"", number);
    }
}
