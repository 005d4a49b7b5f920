namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>What can be asked of a value: <c>value is name(argument)</c>, as Jinja documents them.</summary>
internal static class Tests
{
    private delegate bool Question(Interpreter run, object? value, object? argument);

    private static readonly Dictionary<string, Func<object?, bool>> Plain = new(StringComparer.Ordinal)
    {
        ["defined"] = v => v is not Undefined,
        ["undefined"] = v => v is Undefined,
        ["none"] = v => v is null,
        ["boolean"] = v => v is bool,
        ["true"] = v => v is true,
        ["false"] = v => v is false,
        ["integer"] = v => v is long,
        ["float"] = v => v is double,
        ["number"] = v => v is bool or long or double,
        ["string"] = v => v is string,
        ["mapping"] = v => v is Mapping,
        ["sequence"] = v => v is string or Mapping or Undefined or Sequence { Kind: SequenceKind.List or SequenceKind.Tuple },
        ["iterable"] = v => v is string or Mapping or Undefined or Sequence,
        ["callable"] = v => v is Callable,
        ["escaped"] = v => false,
        ["odd"] = v => Rest(v, 2L) == 1,
        ["even"] = v => Rest(v, 2L) == 0,
        ["filter"] = v => v is string name && Filters.Exists(name),
        ["test"] = v => v is string name && Exists(name),
    };

    private static readonly Dictionary<string, Question> WithArgument = new(StringComparer.Ordinal)
    {
        ["divisibleby"] = (_, v, a) => Rest(v, a) == 0,
        ["sameas"] = (_, v, a) => ReferenceEquals(v, a) || (v is bool x && a is bool y && x == y) || (v is string s && a is string t && s == t),
        ["in"] = (run, v, a) => Truth.Contains(a, v, run.Budget),
        ["=="] = Compares("=="),
        ["eq"] = Compares("=="),
        ["equalto"] = Compares("=="),
        ["!="] = Compares("!="),
        ["ne"] = Compares("!="),
        [">"] = Compares(">"),
        ["gt"] = Compares(">"),
        ["greaterthan"] = Compares(">"),
        [">="] = Compares(">="),
        ["ge"] = Compares(">="),
        ["<"] = Compares("<"),
        ["lt"] = Compares("<"),
        ["lessthan"] = Compares("<"),
        ["<="] = Compares("<="),
        ["le"] = Compares("<="),
    };

    public static bool Exists(string name) => name is "lower" or "upper" || Plain.ContainsKey(name) || WithArgument.ContainsKey(name);

    public static bool Holds(string name, Interpreter run, object? value, Arguments arguments)
    {
        run.Budget.Step();
        if (name is "lower" or "upper")
        {
            arguments.Bind(name);
            string written = ValueText.Of(value, run.Budget);
            return name == "lower" ? Cased(written, char.IsUpper, char.IsLower) : Cased(written, char.IsLower, char.IsUpper);
        }
        if (Plain.TryGetValue(name, out Func<object?, bool>? plain))
        {
            arguments.Bind(name);
            run.Budget.Step(value is string text ? text.Length / 16 : 1);
            return plain(value);
        }
        return WithArgument.TryGetValue(name, out Question? question) ? question(run, value, arguments.Bind(1, name, "other")[0])
            : throw new RuntimeFault($"there is no test '{name}'; there are: {string.Join(", ", Plain.Keys.Concat(WithArgument.Keys).Where(k => char.IsLetter(k[0])).Order(StringComparer.Ordinal))}");
    }

    private static Question Compares(string op) => (run, value, other) => Truth.Compare(op, value, other, run.Budget);

    private static double Rest(object? value, object? divisor) => Numbers.AreNumbers(value, divisor) ? Numbers.Real(Numbers.Calculate("%", value!, divisor!))
        : throw (value as Undefined ?? divisor as Undefined)?.Fault() ?? new RuntimeFault($"{Kinds.Of(value)} cannot be divided");

    // Some letter of the one case, and none of the other.
    private static bool Cased(string text, Func<char, bool> not, Func<char, bool> some) => !text.Any(not) && text.Any(some);
}
