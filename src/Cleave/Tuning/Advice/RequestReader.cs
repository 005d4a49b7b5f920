namespace Cleave.Tuning.Advice;

/// <summary>
/// Reads what a request in plain English says of parameters: ranges, bounds, values, and what is ruled out, beside the names that
/// the parameters have or usually go by. It guesses nothing: what is not plainly said stays a wish, and is named as such.
/// </summary>
public static class RequestReader
{
    /// <summary>Words that may stand between a name and what is said of it.</summary>
    private static readonly HashSet<string> Loose = new(["should", "must", "shall", "be", "is", "are", "can", "may", "need", "to", "of", "the", "a", "an", "in", "value", "range", "ranging", "within",
        "set", "stay", "kept", "lie", "anywhere", "somewhere", "with", "for", "has", "have", "use", "using", "try", "only", "fixed", "equal", "exactly", ":", "=", "("], StringComparer.Ordinal);

    /// <summary>Those that may stand before a value alone, which would say too much otherwise.</summary>
    private static readonly HashSet<string> Tight = new(["should", "must", "shall", "be", "is", "are", "to", "of", "at", "value", "set", "fixed", "equal", "exactly", "use", ":", "=", "("], StringComparer.Ordinal);

    /// <summary>Words that may stand between what is said and a name behind it.</summary>
    private static readonly HashSet<string> Linking = new(["of", "for", "the", "as", "a", "in", "-"], StringComparer.Ordinal);

    private static readonly HashSet<string> BeforeCount = new(["with", "use", "using", "for", "in", "exactly", "train", "run", "a", "the", ",", "and", ":"], StringComparer.Ordinal);

    private static readonly HashSet<string> AfterValue = new(["and", "or", "but", "for", "to", "on", "in", "model", "only", ","], StringComparer.Ordinal);

    /// <exception cref="CleaveException">The request is too long.</exception>
    public static UnderstoodRequest Read(string text, SearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(space);
        return new Reading(text, [.. Plain(RequestWords.Of(text))], new ParameterNames(space)).Run();
    }

    // "never be above" says what "not above" says.
    private static IEnumerable<RequestWord> Plain(List<RequestWord> words)
    {
        for (int i = 0; i < words.Count; i++)
        {
            if (words[i].Text is "be" or "go" or "get" && i > 0 && words[i - 1].Text is "not" or "never")
                continue;
            yield return words[i].Text == "never" ? words[i] with { Text = "not" } : words[i];
        }
    }

    private readonly record struct Mention(Parameter Parameter, int From, int To);

    private sealed class Reading(string text, IReadOnlyList<RequestWord> words, ParameterNames names)
    {
        private readonly bool[] _used = new bool[words.Count];
        private readonly List<(int At, ParameterConstraint Constraint)> _found = [];

        public UnderstoodRequest Run()
        {
            Mention[] mentions = [.. Mentions()];
            for (int m = 0; m < mentions.Length; m++)
            {
                int begin = m == 0 ? 0 : mentions[m - 1].To;
                if (!Behind(mentions[m]))
                    Before(mentions[m], begin);
            }
            Values();
            return new UnderstoodRequest(text, [.. _found.OrderBy(f => f.At).Select(f => f.Constraint)], [.. Unread(mentions)]);
        }

        private IEnumerable<Mention> Mentions()
        {
            for (int i = 0; i < words.Count;)
            {
                if (names.At(words, i) is var (parameter, end))
                {
                    yield return new Mention(parameter, i, end);
                    i = end;
                }
                else
                {
                    i++;
                }
            }
        }

        private bool IsName(int at) => names.At(words, at) is not null || at < words.Count && words[at].Text == "-" && names.At(words, at + 1) is not null;

        /// <summary>What is said of a parameter behind its name.</summary>
        private bool Behind(Mention mention)
        {
            int loose = Skip(mention.To, Loose), tight = Skip(mention.To, Tight);
            BoundPhrase? phrase = BoundPhrase.At(words, loose, mention.Parameter, IsName);
            if (phrase is { IsBare: true } && loose != tight && mention.Parameter is NumericParameter)
                phrase = null;
            // "layers, 12 heads" says nothing of layers.
            if (phrase is null || phrase.IsBare && IsName(phrase.End) || !IsFree(mention.To, phrase.End))
                return false;
            Add(mention, mention.From, phrase.End, phrase.IsBare ? Turned(mention, phrase.Constraint) : phrase.Constraint);
            for (int end = phrase.End; ;)
            {
                int next = Joined(end);
                if (next == end || BoundPhrase.Bound(words, next) is not { } more || IsName(Skip(more.End, Linking)))
                    return true;
                Add(mention, next, more.End, more.Constraint);
                end = more.End;
            }
        }

        /// <summary>What is said of a parameter before its name.</summary>
        private void Before(Mention mention, int begin)
        {
            for (int at = begin; at < mention.From; at++)
            {
                if (_used[at] || BoundPhrase.At(words, at, mention.Parameter, _ => false) is not { } phrase || phrase.End > mention.From
                    || Skip(phrase.End, Linking) < mention.From || !IsFree(at, mention.From))
                    continue;
                ParameterConstraint said = phrase.Constraint;
                int end = mention.To;
                if (phrase.IsBare && mention.Parameter is NumericParameter)
                {
                    if (at > 0 && !BeforeCount.Contains(words[at - 1].Text) && !words[at - 1].IsEnd)
                        return;
                    (int side, end) = BoundPhrase.Suffix(words, mention.To);
                    said = Sided(said, side);
                }
                Add(mention, at, end, said);
                return;
            }
        }

        /// <summary>Values of choices that are named without their parameter: <c>with adamw</c>, <c>without sgd</c>.</summary>
        private void Values()
        {
            for (int i = 0; i + 1 < words.Count; i++)
            {
                bool wanted = words[i].Text is "with" or "use" or "using" or "only", unwanted = words[i].Text is "without" or "not" or "no" or "avoid" or "except";
                if (!wanted && !unwanted || _used[i])
                    continue;
                int at = i + 1;
                while (at < words.Count && words[at].Text is "a" or "an" or "the" or "only" or "use")
                    at++;
                if (at >= words.Count || names.ValueAt(words, at) is not var (parameter, value, end) || !IsFree(at, end))
                    continue;
                bool alone = end == words.Count || words[end].IsEnd || AfterValue.Contains(words[end].Text) || names.At(words, end)?.Parameter == parameter;
                if (!alone || wanted && value.ToString().Length < 4)
                    continue;
                Add(new Mention(parameter, i, i), i, end, wanted ? new("", "") { Only = [value] } : new("", "") { Except = [value] });
            }
        }

        /// <summary>A value alone is a bound where the words before the name say so: <c>limit epochs to 10</c>, <c>minimum batch size 32</c>.</summary>
        private ParameterConstraint Turned(Mention mention, ParameterConstraint said)
        {
            int before = mention.From - 1;
            if (before >= 0 && words[before].Text == "the")
                before--;
            return Sided(said, before < 0 ? 0 : words[before].Text switch
            {
                "limit" or "cap" or "restrict" or "max" or "maximum" or "highest" or "largest" or "most" => -1,
                "min" or "minimum" or "lowest" or "smallest" or "least" => 1,
                _ => 0,
            });
        }

        private static ParameterConstraint Sided(ParameterConstraint said, int side) =>
            said.Only is not [{ IsNumber: true } value] || side == 0 ? said
            : side > 0 ? new("", "") { Low = value.AsDouble() } : new("", "") { High = value.AsDouble() };

        private int Skip(int at, HashSet<string> fillers)
        {
            while (at < words.Count && words[at].Number is null && fillers.Contains(words[at].Text))
                at++;
            return at;
        }

        private int Joined(int at)
        {
            int next = at;
            while (next < words.Count && next < at + 2 && words[next].Text is "and" or "but" or ",")
                next++;
            return next;
        }

        private bool IsFree(int from, int to) => !_used.AsSpan(from..to).Contains(true);

        private void Add(Mention mention, int from, int to, ParameterConstraint said)
        {
            _used.AsSpan(from..to).Fill(true);
            _used.AsSpan(mention.From..mention.To).Fill(true);
            int begin = Math.Min(from, mention.From);
            int end = Math.Max(to, mention.To) - 1;
            _found.Add((begin, said with { Name = mention.Parameter.Name, Said = text[words[begin].From..words[end].To] }));
        }

        private IEnumerable<string> Unread(Mention[] mentions)
        {
            for (int from = 0, to; from < words.Count; from = to + 1)
            {
                for (to = from; to < words.Count && !words[to].IsEnd && words[to].Text != ","; to++)
                {
                    // A piece of the request ends here.
                }
                bool unread = Enumerable.Range(from, to - from).Any(i => !_used[i] && words[i].Number is not null)
                    || mentions.Any(m => m.From >= from && m.To <= to && !_used[m.From]);
                if (unread)
                    yield return text[words[from].From..words[to - 1].To];
            }
        }
    }
}
