using System.Text.Json.Nodes;
using Cleave.Tokenizers.Templates.Runtime;
using Cleave.Tokenizers.Templates.Syntax;

namespace Cleave.Tokenizers.Templates;

/// <summary>
/// A chat template: how a model wants a conversation written. The language is the part of Jinja that such templates use
/// (https://jinja.palletsprojects.com/en/stable/templates/), set up as Hugging Face's <c>apply_chat_template</c> does it.
/// A template reaches nothing but the values it is given, and what it may use is limited. Immutable; safe from several threads.
/// </summary>
public sealed class ChatTemplate
{
    private readonly string _origin;
    private readonly string _normal;
    private readonly Block _body;

    private ChatTemplate(string source, string normal, string origin, Block body)
    {
        Source = source;
        _normal = normal;
        _origin = origin;
        _body = body;
    }

    /// <summary>The template as it was given.</summary>
    public string Source { get; }

    /// <param name="origin">Where it is from, for messages: a file's path.</param>
    /// <exception cref="TemplateException">It is not a template, or uses what is not supported.</exception>
    public static ChatTemplate Parse(string source, string origin)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Length > TemplateLimits.MaxSource)
            throw new TemplateException(origin, 1, 1, $"{source.Length} characters are more than a template can have ({TemplateLimits.MaxSource})");
        string normal = source.ReplaceLineEndings("\n");
        if (normal.EndsWith('\n'))
            normal = normal[..^1];
        try
        {
            return new ChatTemplate(source, normal, origin, TemplateParser.Read(normal));
        }
        catch (SyntaxFault fault)
        {
            throw At(origin, normal, fault.Position, fault.Message, isRefusal: false);
        }
    }

    /// <summary>The text that the template makes of some variables.</summary>
    /// <param name="variables">Such as <c>messages</c>, <c>tools</c> and <c>add_generation_prompt</c>.</param>
    /// <param name="limits">What it may use; null: the defaults.</param>
    /// <param name="clock">For <c>strftime_now</c>; null: the system's.</param>
    /// <exception cref="TemplateException">It ended in an error, refused the conversation, or went over a limit.</exception>
    public string Render(JsonObject variables, TemplateLimits? limits = null, TimeProvider? clock = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(variables);
        var run = new Interpreter(new Budget(limits ?? new TemplateLimits(), cancellation), clock ?? TimeProvider.System);
        try
        {
            var scope = new Scope(null);
            foreach ((string name, JsonNode? value) in variables)
                scope[name] = JsonValues.Of(value, run.Budget);
            // Names that the template sets are its own: what it was given stays as it is.
            return run.Run(_body, new Scope(scope));
        }
        catch (RuntimeFault fault)
        {
            throw At(_origin, _normal, run.Position, fault.Message, fault.IsRefusal);
        }
    }

    private static TemplateException At(string origin, string text, int position, string problem, bool isRefusal)
    {
        ReadOnlySpan<char> before = text.AsSpan(0, Math.Min(position, text.Length));
        string line = string.Concat(problem.Select(c => char.IsControl(c) ? ' ' : c));
        return new TemplateException(origin, before.Count('\n') + 1, before.Length - (before.LastIndexOf('\n') + 1) + 1,
            line.Length <= 500 ? line : line[..497] + "...")
        { IsRefusal = isRefusal };
    }
}
