using System.CommandLine;
using System.Text;
using Cleave.Cli.Shell;
using Cleave.Formats.HuggingFace;
using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Models.Sampling.Grammars;
using Cleave.Serving;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave generate</c>: a model continues a text.</summary>
internal static class GenerateCommand
{
    private static readonly Argument<string> Model = ModelArgument.Create();

    private static readonly Argument<string?> Prompt = new("PROMPT")
    {
        Description = "The text to continue, or for an encoder-decoder to answer; without it, all of standard input.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<int> MaxTokens = new("--max-tokens") { Description = "Most tokens to make.", HelpName = "N", DefaultValueFactory = _ => 128 };

    private static readonly Option<double> Temperature = new("--temperature")
    {
        Description = "0: always the most likely token; 1: as the model has it.",
        HelpName = "T",
        DefaultValueFactory = _ => 0,
    };

    private static readonly Option<double> TopP = new("--top-p")
    {
        Description = "Only the most likely tokens whose probabilities add up to P.",
        HelpName = "P",
        DefaultValueFactory = _ => 1,
    };

    private static readonly Option<string[]> Stop = new("--stop")
    {
        Description = "A text that ends the answer and is not part of it; may be given several times.",
        HelpName = "TEXT",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<bool> Special = new("--special") { Description = "Names of special tokens in the prompt become those tokens." };

    private static readonly Option<bool> Chat = new("--chat")
    {
        Description = "The prompt is what a user says, or a JSON list of messages with role and content; the model's chat template writes it.",
    };

    private static readonly Option<string?> JsonSchema = new("--json-schema") { Description = "A JSON Schema that the answer satisfies.", HelpName = "FILE" };

    private static readonly Option<string?> GrammarFile = new("--grammar") { Description = "A grammar in GBNF's notation that the answer follows.", HelpName = "FILE" };

    public static Verb Create() => new Verb("generate", "Continue a text with a language model, or answer it with an encoder-decoder.")
    {
        Model, Prompt, MaxTokens, Temperature, TopP, Stop, Special, Chat, JsonSchema, GrammarFile, CacheFormat.Option, SharedOptions.Seed, SharedOptions.Threads, SharedOptions.Json,
    }
    .Example("cleave generate starter \"Once upon a time\" --max-tokens 60", "the most likely continuation")
    .Example("cleave generate starter \"user: hello\" --temperature 0.8 --top-p 0.95 --seed 3 --stop \"user:\"", "a drawn one, up to a stop text")
    .Example("cleave generate starter --json < prompt.txt", "prompt from a file, answer as JSON")
    .Example("cleave generate my-model \"What is a parcel?\" --chat", "the answer of a chat model")
    .Example("cleave generate my-model \"An order as JSON:\" --json-schema order.schema.json", "a document that satisfies a schema")
    .Runs(Run);

    private static int Run(Call call)
    {
        SamplingOptions sampling = new SamplingOptions
        {
            MaxTokens = call.Positive(MaxTokens),
            Temperature = call.Get(Temperature),
            TopP = call.Get(TopP),
            Seed = call.Seed,
        }.Checked();
        Grammar? grammar = ReadGrammar(call);
        string[] stops = call.Get(Stop) ?? [];
        if (grammar is not null && stops.Length > 0)
            throw new CleaveException("--stop could cut an answer that has to follow a grammar; leave it out");
        LanguageModel model = ModelArgument.Load(call, Model);
        model.Transformer.CacheFormat = CacheFormat.Of(call);
        string prompt = call.Get(Prompt) ?? call.In.ReadToEnd();
        ChatPrompt? chat = call.Get(Chat) ? ChatPrompt.Of(model, ChatArgument.Read(prompt), cancellation: call.Cancel) : null;
        int[] ids = chat?.Ids ?? LanguageModelHost.Prompt(model, prompt, call.Get(Special));
        using var generator = new Generator(model.Transformer);
        GeneratedText made = TextGeneration.Run(generator, model.Tokenizer, ids, sampling, grammar is null ? [.. stops, .. chat?.Stops ?? []] : [],
            chat?.IsEnd ?? (id => id == model.Tokenizer.EosId), trim: chat is not null && grammar is null, piece =>
            {
                if (call.Json)
                    return;
                call.Out.Write(piece);
                call.Out.Flush();
            }, grammar is null ? null : new TokenConstraint(grammar, model.Tokenizer), call.Cancel);
        if (!call.Json)
        {
            call.Out.WriteLine();
            return Exit.Done;
        }
        call.WriteJson(w =>
        {
            w.WriteStartObject();
            w.WriteString("text", made.Text);
            w.WriteNumber("prompt_tokens", ids.Length);
            w.WriteNumber("generated_tokens", made.Tokens);
            w.WriteString("finish_reason", made.Finish == FinishReason.Length ? "length" : "stop");
            w.WriteEndObject();
        });
        return Exit.Done;
    }

    private static Grammar? ReadGrammar(Call call)
    {
        if (call.Get(JsonSchema) is { } schema)
        {
            return call.Get(GrammarFile) is null ? Grammar.OfJsonSchema(JsonFile.Load(schema))
                : throw new CleaveException("--json-schema and --grammar exclude each other; give one");
        }
        return call.Get(GrammarFile) is { } file ? Grammar.Parse(Encoding.UTF8.GetString(JsonFile.ReadBytes(file)), file) : null;
    }
}
