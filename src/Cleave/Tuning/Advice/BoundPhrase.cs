namespace Cleave.Tuning.Advice;

/// <summary>A piece of a request that says a bound, a range or values, without the name that it is about.</summary>
/// <param name="Constraint">With an empty name.</param>
/// <param name="End">The word behind it.</param>
/// <param name="IsBare">Only a value: what it means depends on the words around it.</param>
internal sealed record BoundPhrase(ParameterConstraint Constraint, int End, bool IsBare = false)
{
    private static readonly string[][] Lowest = Words("at least", "no less than", "no fewer than", "no lower than", "no smaller than", "not less than", "not fewer than", "not lower than",
        "not smaller than", "not below", "not under", "minimum of", "minimum", "min", "lower bound of", ">=", "≥");

    private static readonly string[][] Highest = Words("at most", "no more than", "no greater than", "no larger than", "no higher than", "no bigger than", "not more than", "not greater than",
        "not larger than", "not higher than", "not above", "not over", "not exceed", "not exceeding", "maximum of", "maximum", "max", "upper bound of", "up to", "limited to", "limited at",
        "capped at", "capped to", "cap at", "cap of", "<=", "≤");

    private static readonly string[][] Above = Words("more than", "greater than", "larger than", "higher than", "bigger than", "above", "over", "exceeding", ">");

    private static readonly string[][] Below = Words("less than", "fewer than", "lower than", "smaller than", "below", "under", "<");

    private static readonly string[][] OrMore = Words("or more", "or higher", "or greater", "or larger", "or above", "or over", "or bigger", "and up", "and above", "and more", "at least", "at minimum", "at the least", "minimum", "+");

    private static readonly string[][] OrLess = Words("or less", "or fewer", "or lower", "or smaller", "or below", "or under", "and below", "and less", "at most", "at maximum", "at the most", "maximum");

    private static readonly string[][] Without = Words("other than", "anything but", "not", "no", "without", "except", "excluding", "avoid", "!=");

    private static readonly string[] Through = ["to", "-", "–", "—", "..", "through", "until", "till"], Between = ["or", "and", ",", "/"];

    /// <summary>Reads a bound, a range, or values at a word.</summary>
    /// <param name="isName">Whether another parameter's name begins at a word: values before it are its own.</param>
    public static BoundPhrase? At(IReadOnlyList<RequestWord> words, int at, Parameter parameter, Func<int, bool> isName) =>
        Bound(words, at) ?? Range(words, at) ?? Values(words, at, parameter, isName);

    /// <summary>A bound alone, such as <c>at least 32</c>.</summary>
    public static BoundPhrase? Bound(IReadOnlyList<RequestWord> words, int at)
    {
        // Longer beginnings first: "not less than" before "less than" is settled by where they begin.
        if (Number(words, After(words, at, Lowest)) is { } least)
            return new(new("", "") { Low = least }, After(words, at, Lowest) + 1);
        if (Number(words, After(words, at, Highest)) is { } most)
            return new(new("", "") { High = most }, After(words, at, Highest) + 1);
        if (Number(words, After(words, at, Above)) is { } above)
            return new(new("", "") { Low = above, LowOpen = true }, After(words, at, Above) + 1);
        return Number(words, After(words, at, Below)) is { } below ? new(new("", "") { High = below, HighOpen = true }, After(words, at, Below) + 1) : null;
    }

    /// <summary>Words behind a value that make a bound of it, such as <c>or more</c>: 1 for a low bound, -1 for a high one.</summary>
    public static (int Side, int End) Suffix(IReadOnlyList<RequestWord> words, int at) =>
        After(words, at, OrMore) is > 0 and int more ? (1, more) : After(words, at, OrLess) is > 0 and int less ? (-1, less) : (0, at);

    private static BoundPhrase? Range(IReadOnlyList<RequestWord> words, int at)
    {
        bool between = Is(words, at, "between"), from = Is(words, at, "from");
        int i = between || from ? at + 1 : at;
        bool bracket = Is(words, i, "[") || Is(words, i, "(");
        i += bracket ? 1 : 0;
        if (Number(words, i) is not { } first)
            return null;
        if (from && (Is(words, i + 1, "up") || Is(words, i + 1, "upward") || Is(words, i + 1, "on")))
            return new(new("", "") { Low = first }, i + 2);
        bool joined = i + 1 < words.Count && (Through.Contains(words[i + 1].Text) || between && words[i + 1].Text == "and" || bracket && words[i + 1].Text == ",");
        if (!joined || Number(words, i + 2) is not { } last)
            return null;
        int end = i + 3;
        if (bracket && (Is(words, end, "]") || Is(words, end, ")")))
            end++;
        return new(new("", "") { Low = Math.Min(first, last), High = Math.Max(first, last) }, end);
    }

    private static BoundPhrase? Values(IReadOnlyList<RequestWord> words, int at, Parameter parameter, Func<int, bool> isName)
    {
        int i = at;
        bool except = false;
        if (parameter is CategoricalParameter && After(words, i, Without) is > 0 and int negated)
            (except, i) = (true, negated);
        if (Is(words, i, "one") && Is(words, i + 1, "of"))
            i += 2;
        else if (Is(words, i, "either") || Is(words, i, "among") || Is(words, i, "only"))
            i++;
        bool set = Is(words, i, "{") || Is(words, i, "[");
        i += set ? 1 : 0;
        var values = new List<ParameterValue>();
        int end = i;
        for (int next = i; Value(words, next, parameter) is var (value, behind) && (values.Count == 0 || !isName(behind)); next = Separated(words, end))
        {
            values.Add(value);
            end = behind;
        }
        if (values.Count == 0)
            return null;
        if (set && (Is(words, end, "}") || Is(words, end, "]")))
            end++;
        if (values.Count == 1 && values[0].IsNumber && !except && Suffix(words, end) is (not 0 and var side, var behindIt))
            return new(side > 0 ? new("", "") { Low = values[0].AsDouble() } : new("", "") { High = values[0].AsDouble() }, behindIt);
        return new(except ? new("", "") { Except = values } : new("", "") { Only = values }, end, IsBare: !except && !set && values.Count == 1);
    }

    // "a, b, or c"
    private static int Separated(IReadOnlyList<RequestWord> words, int at)
    {
        int i = at;
        while (i < words.Count && i < at + 2 && Between.Contains(words[i].Text))
            i++;
        return i == at ? words.Count : i;
    }

    private static (ParameterValue Value, int End)? Value(IReadOnlyList<RequestWord> words, int at, Parameter parameter) =>
        parameter is CategoricalParameter choices ? ParameterNames.ChoiceAt(choices, words, at)
        : Number(words, at) is { } number ? (number, at + 1) : null;

    private static double? Number(IReadOnlyList<RequestWord> words, int at) =>
        at >= 0 && at < words.Count && RequestWords.Value(words[at]) is { } value && !double.IsNaN(value) ? value : null;

    /// <summary>The word behind the longest of some beginnings, or -1.</summary>
    private static int After(IReadOnlyList<RequestWord> words, int at, string[][] beginnings)
    {
        int best = -1;
        foreach (string[] beginning in beginnings)
        {
            if (at + beginning.Length > best && Enumerable.Range(0, beginning.Length).All(i => Is(words, at + i, beginning[i])))
                best = at + beginning.Length;
        }
        return best;
    }

    private static bool Is(IReadOnlyList<RequestWord> words, int at, string text) => at >= 0 && at < words.Count && words[at].Number is null && words[at].Text == text;

    private static string[][] Words(params string[] phrases) => [.. phrases.Select(p => p.Split(' '))];
}
