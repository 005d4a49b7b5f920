using System.Globalization;
using System.Text;
using System.Text.Json;
using static Cleave.Models.Sampling.Grammars.Expression;

namespace Cleave.Models.Sampling.Grammars.JsonSchemas;

/// <summary>The rules that every schema's grammar shares: blanks, texts, numbers, any value.</summary>
internal sealed class JsonParts
{
    /// <summary>As much indentation as people write; more would let a model write blanks until it has no tokens left.</summary>
    private const int MostIndentation = 20;

    /// <summary>Characters that stand for themselves within a text.</summary>
    public static CodePoints Plain { get; } = CodePoints.Of((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x10FFFF));

    private static readonly CodePoints Hexadecimal = CodePoints.Of(('0', '9'), ('A', 'F'), ('a', 'f'));

    private readonly RuleList _rules;
    private Call? _any, _anyObject, _anyArray;

    public JsonParts(RuleList rules)
    {
        _rules = rules;
        Blank = rules.Add("blank", Maybe(Either(Text(" "), Then(Text("\n"), new Repeat(Of(CodePoints.OfCharacters(" \t")), 0, MostIndentation)))));
        // Halves of surrogate pairs are not escaped: a text with one alone is none.
        Expression escape = Then(Text("\\"), Either(
            Of(CodePoints.OfCharacters("\"\\/bfnrt")),
            Then(Text("u"), Either(
                Then(Of(CodePoints.Of(('0', '9'), ('A', 'C'), ('a', 'c'), ('E', 'F'), ('e', 'f'))), new Repeat(Of(Hexadecimal), 3, 3)),
                Then(Of(CodePoints.OfCharacters("Dd")), Of(CodePoints.Of(('0', '7'))), new Repeat(Of(Hexadecimal), 2, 2))))));
        Letter = Either(Of(Plain), escape);
        String = rules.Add("string", Then(Text("\""), new Repeat(Letter, 0, null), Text("\"")));
        Integer = rules.Add("integer", Then(Maybe(Text("-")), Digits(15)));
        Number = rules.Add("number", Then(Maybe(Text("-")), Digits(15), Maybe(Fraction),
            Maybe(Then(Of(CodePoints.OfCharacters("eE")), Maybe(Of(CodePoints.OfCharacters("+-"))), new Repeat(Digit, 1, 2)))));
        Boolean = Either(Text("true"), Text("false"));
    }

    /// <summary>Nothing, one blank, or a new line with some indentation.</summary>
    public Expression Blank { get; }

    /// <summary>Before a document: nothing, a blank or a new line.</summary>
    public Expression Lead { get; } = Maybe(Of(CodePoints.OfCharacters(" \n")));

    /// <summary>One character of a text, as it stands or escaped.</summary>
    public Expression Letter { get; }

    public Expression String { get; }

    /// <summary>Up to 15 digits: as many as every reader keeps.</summary>
    public Expression Integer { get; }

    public Expression Number { get; }

    public Expression Boolean { get; }

    public static Expression Null { get; } = Text("null");

    public static Expression Digit { get; } = Of(CodePoints.Of(('0', '9')));

    public static Expression Fraction { get; } = Then(Text("."), new Repeat(Digit, 1, 15));

    /// <summary>A whole number without sign and without leading zeros.</summary>
    public static Expression Digits(int most) =>
        Either(Text("0"), Then(Of(CodePoints.Of(('1', '9'))), new Repeat(Digit, 0, most - 1)));

    /// <summary>A character set as it stands within a text in JSON.</summary>
    public static Expression Encoded(CodePoints set)
    {
        var choices = new List<Expression>();
        if (set.And(Plain) is { IsEmpty: false } plain)
            choices.Add(Of(plain));
        foreach ((int first, int last) in set.And(Plain.Not()).Ranges)
        {
            for (int code = first; code <= last; code++)
                choices.Add(Text(Escaped((char)code)));
        }
        return Either([.. choices]);
    }

    /// <summary>Any JSON value; objects and lists in it may hold any again.</summary>
    public Call Any
    {
        get
        {
            if (_any is null)
            {
                _any = new Call(_rules.Declare("any"));
                _rules.Define(_any.Rule, Either(AnyObject, AnyArray, String, Number, Boolean, Null));
            }
            return _any;
        }
    }

    public Call AnyObject => _anyObject ??= Declared("object", rule => _anyObject = rule, () => Listed("{", Member(String, Any), "}"));

    public Call AnyArray => _anyArray ??= Declared("array", rule => _anyArray = rule, () => Listed("[", Any, "]"));

    /// <summary>A name and its value.</summary>
    public Expression Member(Expression name, Expression value) => Then(name, Text(":"), Blank, value);

    /// <summary>Between two members or items.</summary>
    public Expression Comma => Then(Text(","), Blank);

    /// <summary>Any number of items between brackets.</summary>
    public Expression Listed(string open, Expression item, string close) =>
        Then(Text(open), Blank, Maybe(Then(item, new Repeat(Then(Comma, item), 0, null), Blank)), Text(close));

    /// <summary>A value as it is written, the shortest way.</summary>
    public static string Written(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => Quoted(value.GetString()!),
        JsonValueKind.Array => $"[{string.Join(',', value.EnumerateArray().Select(Written))}]",
        JsonValueKind.Object => $"{{{string.Join(',', value.EnumerateObject().Select(m => $"{Quoted(m.Name)}:{Written(m.Value)}"))}}}",
        _ => value.GetRawText(),
    };

    public static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (char c in text)
            quoted.Append(c is '"' or '\\' or < ' ' ? Escaped(c) : c.ToString());
        return quoted.Append('"').ToString();
    }

    private static string Escaped(char c) => c switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}"),
    };

    private Call Declared(string name, Action<Call> keep, Func<Expression> body)
    {
        var call = new Call(_rules.Declare(name));
        keep(call);
        _rules.Define(call.Rule, body());
        return call;
    }
}
