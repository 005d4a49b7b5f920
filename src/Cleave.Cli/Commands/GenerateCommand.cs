using System.CommandLine;
using Cleave.Cli.Shell;
using Cleave.Models;
using Cleave.Models.Sampling;
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

    public static Verb Create() => new Verb("generate", "Continue a text with a language model, or answer it with an encoder-decoder.")
    {
        Model, Prompt, MaxTokens, Temperature, TopP, Stop, Special, Chat, CacheFormat.Option, SharedOptions.Seed, SharedOptions.Threads, SharedOptions.Json,
    }
    .Example("cleave generate starter \"Once upon a time\" --max-tokens 60", "the most likely continuation")
    .Example("cleave generate starter \"user: hello\" --temperature 0.8 --top-p 0.95 --seed 3 --stop \"user:\"", "a drawn one, up to a stop text")
    .Example("cleave generate starter --json < prompt.txt", "prompt from a file, answer as JSON")
    .Example("cleave generate my-model \"What is a parcel?\" --chat", "the answer of a chat model")
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
        LanguageModel model = ModelArgument.Load(call, Model);
        model.Transformer.CacheFormat = CacheFormat.Of(call);
        string prompt = call.Get(Prompt) ?? call.In.ReadToEnd();
        ChatPrompt? chat = call.Get(Chat) ? ChatPrompt.Of(model, ChatArgument.Read(prompt), call.Cancel) : null;
        int[] ids = chat?.Ids ?? LanguageModelHost.Prompt(model, prompt, call.Get(Special));
        using var generator = new Generator(model.Transformer);
        GeneratedText made = TextGeneration.Run(generator, model.Tokenizer, ids, sampling, [.. call.Get(Stop) ?? [], .. chat?.Stops ?? []],
            chat?.IsEnd ?? (id => id == model.Tokenizer.EosId), trim: chat is not null, piece =>
            {
                if (call.Json)
                    return;
                call.Out.Write(piece);
                call.Out.Flush();
            }, call.Cancel);
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
}
