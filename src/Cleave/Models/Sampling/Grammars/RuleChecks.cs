namespace Cleave.Models.Sampling.Grammars;

/// <summary>Finds rules that take themselves, directly or through others.</summary>
internal static class RecursiveRules
{
    public static IEnumerable<int> Find(RuleList rules)
    {
        List<int>[] taken = [.. Enumerable.Range(0, rules.Count).Select(r => CallsIn(rules.BodyOf(r)!).Distinct().ToList())];
        return Cycles.Members(taken);
    }

    private static IEnumerable<int> CallsIn(Expression expression) => expression switch
    {
        Call call => [call.Rule],
        Sequence sequence => sequence.Parts.SelectMany(CallsIn),
        Choice choice => choice.Choices.SelectMany(CallsIn),
        Repeat repeat => CallsIn(repeat.Item),
        Items items => items.All.SelectMany(i => CallsIn(i.Item)).Concat(CallsIn(items.Separator)).Concat(items.More is { } more ? CallsIn(more) : []),
        _ => [],
    };
}

/// <summary>Refuses rules that begin with themselves: reading one would never come to a byte.</summary>
internal static class LeftRecursion
{
    /// <exception cref="GrammarException">A rule begins with itself.</exception>
    public static void Check(RuleAutomata automata, RuleList rules, string origin)
    {
        bool[] nullable = new bool[rules.Count];
        List<int>[] begins;
        bool changed;
        do
        {
            changed = false;
            begins = new List<int>[rules.Count];
            for (int rule = 0; rule < rules.Count; rule++)
            {
                begins[rule] = FirstRules(automata, rule, nullable, out bool empty);
                changed |= empty != nullable[rule];
                nullable[rule] |= empty;
            }
        }
        while (changed);
        foreach (int rule in Cycles.Members(begins))
            throw new GrammarException(origin, $"the rule {rules.NameOf(rule)} begins with itself; write it as a repetition");
    }

    /// <summary>The rules that can be taken before any byte, and whether the rule can end before any.</summary>
    private static List<int> FirstRules(RuleAutomata automata, int rule, bool[] nullable, out bool empty)
    {
        var first = new List<int>();
        List<int> states = [automata.Starts[rule]];
        empty = false;
        for (int i = 0; i < states.Count; i++)
        {
            empty |= automata.IsEnd(states[i]);
            for (int c = 0; c < automata.CallCount(states[i]); c++)
            {
                (int called, int back) = automata.CallOf(states[i], c);
                first.Add(called);
                if (nullable[called] && !states.Contains(back))
                    states.Add(back);
            }
        }
        return first;
    }
}

/// <summary>Which nodes of a graph lie on a cycle.</summary>
internal static class Cycles
{
    /// <summary>By strongly connected components (Tarjan 1972), without recursion.</summary>
    public static IEnumerable<int> Members(List<int>[] next)
    {
        int[] index = new int[next.Length], low = new int[next.Length], edge = new int[next.Length];
        bool[] open = new bool[next.Length];
        var found = new List<int>();
        var component = new Stack<int>();
        var path = new Stack<int>();
        int count = 0;
        for (int root = 0; root < next.Length; root++)
        {
            if (index[root] == 0)
                Enter(root);
            while (path.TryPeek(out int node))
            {
                if (edge[node] < next[node].Count)
                {
                    int to = next[node][edge[node]++];
                    if (index[to] == 0)
                        Enter(to);
                    else if (open[to])
                        low[node] = Math.Min(low[node], index[to]);
                    continue;
                }
                path.Pop();
                if (path.TryPeek(out int parent))
                    low[parent] = Math.Min(low[parent], low[node]);
                if (low[node] == index[node])
                    Close(node);
            }
        }
        return found;

        void Enter(int node)
        {
            index[node] = low[node] = ++count;
            open[node] = true;
            component.Push(node);
            path.Push(node);
        }

        void Close(int node)
        {
            bool alone = component.Peek() == node && !next[node].Contains(node);
            int member;
            do
            {
                member = component.Pop();
                open[member] = false;
                if (!alone)
                    found.Add(member);
            }
            while (member != node);
        }
    }
}
