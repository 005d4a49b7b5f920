using System.Text;

namespace Cleave.Models.Sampling.Grammars;

/// <summary>Makes <see cref="RuleAutomata"/> of rules: small rules are put where they are used, then each rule is made deterministic.</summary>
internal sealed class RuleCompiler
{
    /// <summary>States of all rules together; what needs more is no grammar for a text but a way to fill the memory.</summary>
    public const int MaxStates = 100_000;

    private const int SmallRule = 64;

    private readonly RuleList _rules;
    private readonly SubsetLimits _limits = new();
    private readonly bool[] _inlined;
    private readonly long[] _sizes;

    // The automaton of the rule in hand before it is made deterministic.
    private readonly List<List<int>> _empty = [];
    private readonly List<List<(byte First, byte Last, int Target)>> _bytes = [];
    private readonly List<List<(int Rule, int Target)>> _calls = [];

    private long _size;

    private RuleCompiler(RuleList rules)
    {
        _rules = rules;
        _inlined = new bool[rules.Count];
        _sizes = new long[rules.Count];
    }

    /// <exception cref="GrammarException">The rules are too large, or one begins with itself.</exception>
    public static RuleAutomata Compile(RuleList rules, CancellationToken cancellation)
    {
        var compiler = new RuleCompiler(rules);
        compiler.ChooseInlined();
        var automata = new RuleAutomata { Starts = new int[rules.Count] };
        for (int rule = 0; rule < rules.Count; rule++)
        {
            automata.Starts[rule] = automata.Count;
            if (rule > 0 && compiler._inlined[rule])
                automata.Append(isEnd: false, [], []); // nothing refers to it any more
            else
                compiler.Rule(rule, automata, cancellation);
        }
        LeftRecursion.Check(automata, rules);
        return automata;
    }

    private GrammarException TooLarge(string rule) =>
        new(_rules.Origin, $"the rule {rule} needs too many states (at most {MaxStates} in all); make repetitions and lengths smaller");

    private void ChooseInlined()
    {
        // A rule comes after those that it takes; recursive ones stand for themselves.
        foreach ((int rule, bool recursive) in RuleOrder.Of(_rules))
        {
            _sizes[rule] = SizeOf(_rules.BodyOf(rule)!);
            _inlined[rule] = !recursive && _sizes[rule] <= SmallRule;
        }
    }

    /// <summary>At least the depth of an expression with the rules that are put into it, so that what is small is not deep.</summary>
    private long SizeOf(Expression expression) => expression switch
    {
        Literal literal => 1 + Encoding.UTF8.GetByteCount(literal.Value),
        Character character => 1 + character.Set.ByteSequences().Sum(s => s.Length),
        Call call => 1 + (_inlined[call.Rule] ? _sizes[call.Rule] : 0),
        Sequence sequence => 1 + sequence.Parts.Sum(SizeOf),
        Prefix prefix => 1 + prefix.Parts.Sum(SizeOf),
        Choice choice => 1 + choice.Choices.Sum(SizeOf),
        Items items => 1 + 2 * items.All.Sum(i => SizeOf(i.Item) + SizeOf(items.Separator)) + (items.More is { } more ? 2 * SizeOf(more) : 0),
        Repeat repeat => 1 + (long)Math.Min(1e12, (double)SizeOf(repeat.Item) * Math.Max(1, repeat.Most ?? repeat.Least + 1.0)),
        _ => throw new ArgumentException("an expression of an unknown kind", nameof(expression)),
    };

    private void Rule(int rule, RuleAutomata automata, CancellationToken cancellation)
    {
        _empty.Clear();
        _bytes.Clear();
        _calls.Clear();
        // An estimate first: what is far too large is refused before any of it is built, be it one rule or all of them.
        _size += _sizes[rule];
        if (_sizes[rule] > 2 * MaxStates || _size > 4 * MaxStates)
            throw TooLarge(_rules.NameOf(rule));
        int start = Node(), end = Build(_rules.BodyOf(rule)!, start, rule);
        var subsets = new Subsets(_empty, _bytes, _calls, _limits, cancellation);
        if (!subsets.Append(start, end, automata, MaxStates))
            throw TooLarge(_rules.NameOf(rule));
    }

    private int Node()
    {
        _empty.Add([]);
        _bytes.Add([]);
        _calls.Add([]);
        return _empty.Count - 1;
    }

    /// <summary>Lays an expression behind a node; returns the node behind it.</summary>
    private int Build(Expression expression, int from, int rule)
    {
        if (_empty.Count > 2 * MaxStates)
            throw TooLarge(_rules.NameOf(rule));
        switch (expression)
        {
            case Literal literal:
                foreach (byte b in Encoding.UTF8.GetBytes(literal.Value))
                    from = Byte(from, b, b, Node());
                return from;
            case Character character:
                return BuildCharacter(character.Set, from);
            case Call call when _inlined[call.Rule]:
                return Build(_rules.BodyOf(call.Rule)!, from, rule);
            case Call call:
                int back = Node();
                _calls[from].Add((call.Rule, back));
                return back;
            case Sequence sequence:
                foreach (Expression part in sequence.Parts)
                    from = Build(part, from, rule);
                return from;
            case Prefix prefix:
                return BuildPrefix(prefix.Parts, prefix.Least, from, rule);
            case Choice choice:
                int join = Node();
                foreach (Expression one in choice.Choices)
                {
                    int branch = Node();
                    _empty[from].Add(branch);
                    _empty[Build(one, branch, rule)].Add(join);
                }
                return join;
            case Items items:
                return BuildItems(items, from, rule);
            default:
                return BuildRepeat((Repeat)expression, from, rule);
        }
    }

    private int BuildCharacter(CodePoints set, int from)
    {
        int end = Node();
        foreach ((byte First, byte Last)[] sequence in set.ByteSequences())
        {
            int at = from;
            for (int i = 0; i < sequence.Length; i++)
                at = Byte(at, sequence[i].First, sequence[i].Last, i == sequence.Length - 1 ? end : Node());
        }
        return end;
    }

    private int BuildRepeat(Repeat repeat, int from, int rule)
    {
        if (repeat.Most is { } most)
            return BuildPrefix(Enumerable.Repeat(repeat.Item, most), repeat.Least, from, rule);
        for (int i = 0; i < repeat.Least; i++)
            from = Build(repeat.Item, from, rule);
        int loop = Node();
        _empty[from].Add(loop);
        _empty[Build(repeat.Item, loop, rule)].Add(loop);
        return loop;
    }

    private int BuildPrefix(IEnumerable<Expression> parts, int least, int from, int rule)
    {
        int end = Node(), done = 0;
        foreach (Expression part in parts)
        {
            if (done++ >= least)
                _empty[from].Add(end);
            from = Build(part, from, rule);
        }
        _empty[from].Add(end);
        return end;
    }

    /// <summary>Two lines of nodes: nothing was there yet, and something was.</summary>
    private int BuildItems(Items items, int from, int rule)
    {
        int end = Node();
        int? none = from, some = null;
        foreach ((Expression item, bool required) in items.All)
        {
            int next = Node();
            if (none is { } first)
                _empty[Build(item, first, rule)].Add(next);
            if (some is { } before)
            {
                _empty[Build(item, Build(items.Separator, before, rule), rule)].Add(next);
                if (!required)
                    _empty[before].Add(next);
            }
            some = next;
            none = required ? null : none;
        }
        if (items.More is { } more)
        {
            int loop = Node();
            if (none is { } first)
                _empty[Build(more, first, rule)].Add(loop);
            if (some is { } before)
                _empty[before].Add(loop);
            _empty[Build(more, Build(items.Separator, loop, rule), rule)].Add(loop);
            some = loop;
        }
        foreach (int? last in (int?[])[none, some])
        {
            if (last is { } node)
                _empty[node].Add(end);
        }
        return end;
    }

    private int Byte(int from, byte first, byte last, int to)
    {
        _bytes[from].Add((first, last, to));
        return to;
    }
}
