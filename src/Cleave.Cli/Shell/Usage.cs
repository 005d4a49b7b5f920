using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;

namespace Cleave.Cli.Shell;

/// <summary>Says in one line what is wrong with a command line, with the nearest valid name.</summary>
internal static class Usage
{
    /// <summary>The trouble, or null where the line can be run.</summary>
    public static string? Problem(ParseResult parsed, string[] args)
    {
        var verb = (Verb)parsed.CommandResult.Command;
        string path = HelpText.Path(verb);
        string? word = Strays(parsed, verb, args).FirstOrDefault();
        if (word is not null)
            return Stray(word, verb, path);
        if (Swallowed(parsed, verb, args) is { } hungry)
            return $"{hungry.Name} needs a value: {Lower(hungry.Description)} (see {path} --help)";
        if (verb.Handler is null)
            return $"{path} needs one of: {string.Join(", ", verb.Subcommands.Select(c => c.Name))} (see {path} --help)";
        foreach (Argument argument in verb.Arguments)
        {
            if (argument.Arity.MinimumNumberOfValues > (parsed.GetResult(argument)?.Tokens.Count ?? 0))
                return $"{path} needs {argument.Name}: {Lower(argument.Description)} (see {path} --help)";
        }
        ParseError? error = parsed.Errors.Count > 0 ? parsed.Errors[0] : null;
        return error is null ? null : $"{Explain(error)} (see {path} --help)";
    }

    /// <summary>A command that does not exist.</summary>
    public static string UnknownCommand(string word, IEnumerable<string> names, string path) =>
        Nearest.To(word, names) is { } near
            ? $"unknown command '{word}'; did you mean '{near}'? (see {path} --help)"
            : $"unknown command '{word}' (see {path} --help)";

    public static string UnknownOption(string word, IEnumerable<string> names, string path) =>
        Nearest.To(word, names) is { } near
            ? $"unknown option '{word}' of {path}; did you mean '{near}'? (see {path} --help)"
            : $"unknown option '{word}' of {path} (see {path} --help)";

    private static string Stray(string word, Verb verb, string path)
    {
        if (LooksLikeOption(word))
        {
            IEnumerable<string> names = verb.Options.Concat([SharedOptions.Help, SharedOptions.Quiet, SharedOptions.Verbose])
                .SelectMany(o => o.Aliases.Append(o.Name));
            return UnknownOption(word.Split('=', 2)[0], names, path);
        }
        return verb.Subcommands.Count > 0 && verb.Arguments.Count == 0
            ? UnknownCommand(word, verb.Subcommands.Select(c => c.Name), path)
            : $"{path} does not take '{word}' (see {path} --help; a value with spaces needs quotes)";
    }

    // Words that nothing wanted, and words before "--" that look like an option but were taken as an argument.
    private static IEnumerable<string> Strays(ParseResult parsed, Verb verb, string[] args)
    {
        int end = Array.IndexOf(args, "--");
        foreach (Argument argument in verb.Arguments)
        {
            foreach (Token token in parsed.GetResult(argument)?.Tokens ?? [])
            {
                int at = Array.IndexOf(args, token.Value);
                if (LooksLikeOption(token.Value) && at >= 0 && (end < 0 || at < end))
                    yield return token.Value;
            }
        }
        foreach (string word in parsed.UnmatchedTokens)
            yield return word;
    }

    // An option without its value takes the next option for it: "--out --json".
    private static Option? Swallowed(ParseResult parsed, Verb verb, string[] args)
    {
        foreach (Option option in verb.Options)
        {
            foreach (Token token in parsed.GetResult(option)?.Tokens ?? [])
            {
                if (token.Value.StartsWith("--", StringComparison.Ordinal) && args.Contains(token.Value)
                    && (verb.Options.Any(o => o.Name == token.Value) || token.Value is "--help" or "--quiet" or "--verbose"))
                    return option;
            }
        }
        return null;
    }

    private static bool LooksLikeOption(string word) => word.Length > 1 && word[0] == '-' && !char.IsAsciiDigit(word[1]) && word[1] != '.' && !word.Contains(' ');

    private static string Explain(ParseError error)
    {
        if (error.SymbolResult is OptionResult { Option: var option } result)
        {
            if (option.Required && result.Implicit)
                return $"{option.Name} is missing: {Lower(option.Description)}";
            if (result.Tokens.Count == 0)
                return $"{option.Name} needs a value: {Lower(option.Description)}";
            if (error.Message.StartsWith("Cannot parse", StringComparison.Ordinal))
                return $"{option.Name} takes {Kind(option.ValueType)}, not '{result.Tokens[^1].Value}'";
            if (result.Tokens.Count > 1)
                return $"{option.Name} is given more than once";
            string[] choices = [.. option.GetCompletions(CompletionContext.Empty).Select(c => c.Label)];
            if (choices.Length > 0)
                return $"{option.Name} takes {string.Join(" or ", choices)}, not '{result.Tokens[0].Value}'";
        }
        if (error.SymbolResult is ArgumentResult { Argument: var argument, Tokens.Count: > 0 } value
            && error.Message.StartsWith("Cannot parse", StringComparison.Ordinal))
            return $"{argument.Name} is {Kind(argument.ValueType)}, not '{value.Tokens[^1].Value}'";
        return error.Message.TrimEnd('.');
    }

    private static string Kind(Type type)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        return plain == typeof(int) || plain == typeof(long) ? "a whole number"
            : plain == typeof(ulong) ? "a whole number from 0"
            : plain == typeof(double) || plain == typeof(float) ? "a number"
            : "another kind of value";
    }

    private static string Lower(string? text) =>
        string.IsNullOrEmpty(text) ? "see its help" : char.ToLowerInvariant(text[0]) + text[1..].TrimEnd('.');
}
