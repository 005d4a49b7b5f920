namespace Cleave.Models.Sampling.Grammars;

/// <summary>An order of rules in which each comes after those that it takes.</summary>
internal static class RuleOrder
{
    /// <summary>All rules, and whether one takes itself, directly or through others; those that take each other come together.</summary>
    public static IEnumerable<(int Rule, bool Recursive)> Of(RuleList rules)
    {
        var taken = new List<int>[rules.Count];
        for (int rule = 0; rule < taken.Length; rule++)
        {
            var calls = new HashSet<int>();
            CollectCalls(rules.BodyOf(rule)!, calls);
            taken[rule] = [.. calls];
        }
        return Cycles.Order(taken);
    }

    private static void CollectCalls(Expression expression, HashSet<int> calls)
    {
        switch (expression)
        {
            case Call call:
                calls.Add(call.Rule);
                break;
            case Sequence sequence:
                CollectCalls(sequence.Parts, calls);
                break;
            case Prefix prefix:
                CollectCalls(prefix.Parts, calls);
                break;
            case Choice choice:
                CollectCalls(choice.Choices, calls);
                break;
            case Repeat repeat:
                CollectCalls(repeat.Item, calls);
                break;
            case Items items:
                CollectCalls([.. items.All.Select(i => i.Item), items.Separator, items.More ?? Expression.Empty], calls);
                break;
        }
    }

    private static void CollectCalls(IReadOnlyList<Expression> expressions, HashSet<int> calls)
    {
        foreach (Expression expression in expressions)
            CollectCalls(expression, calls);
    }
}

/// <summary>Refuses rules that begin with themselves: reading one would never come to a byte.</summary>
internal static class LeftRecursion
{
    /// <exception cref="GrammarException">A rule begins with itself.</exception>
    public static void Check(RuleAutomata automata, RuleList rules)
    {
        foreach ((int rule, bool onCycle) in Cycles.Order(Beginnings(automata)))
        {
            if (onCycle)
                throw new GrammarException(rules.Origin, $"the rule {rules.NameOf(rule)} begins with itself; write it as a repetition");
        }
    }

    /// <summary>By rule, the rules that can be taken before any byte.</summary>
    private static List<int>[] Beginnings(RuleAutomata automata)
    {
        int rules = automata.Starts.Length;
        List<int>[] begins = [.. Enumerable.Range(0, rules).Select(_ => new List<int>())];
        // By rule, where others go on once it has turned out that the rule can end before any byte.
        List<(int Rule, int State)>[] waiting = [.. Enumerable.Range(0, rules).Select(_ => new List<(int, int)>())];
        bool[] nullable = new bool[rules], reached = new bool[automata.Count];
        var open = new Stack<(int Rule, int State)>();
        for (int rule = 0; rule < rules; rule++)
            Reach(rule, automata.Starts[rule]);
        while (open.TryPop(out (int Rule, int State) at))
        {
            if (automata.IsEnd(at.State) && !nullable[at.Rule])
            {
                nullable[at.Rule] = true;
                foreach ((int rule, int state) in waiting[at.Rule])
                    Reach(rule, state);
            }
            for (int i = 0; i < automata.CallCount(at.State); i++)
            {
                (int called, int back) = automata.CallOf(at.State, i);
                begins[at.Rule].Add(called);
                if (nullable[called])
                    Reach(at.Rule, back);
                else
                    waiting[called].Add((at.Rule, back));
            }
        }
        return begins;

        void Reach(int rule, int state)
        {
            if (reached[state])
                return;
            reached[state] = true;
            open.Push((rule, state));
        }
    }
}

/// <summary>Nodes of a graph in an order of its arrows.</summary>
internal static class Cycles
{
    /// <summary>
    /// All nodes, each after those that it leads to unless they lead back, and whether it lies on a cycle: by strongly connected
    /// components (Tarjan 1972), without recursion.
    /// </summary>
    public static List<(int Node, bool OnCycle)> Order(List<int>[] next)
    {
        int[] index = new int[next.Length], low = new int[next.Length], edge = new int[next.Length];
        bool[] open = new bool[next.Length];
        var found = new List<(int, bool)>(next.Length);
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
                found.Add((member, !alone));
            }
            while (member != node);
        }
    }
}
