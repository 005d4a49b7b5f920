namespace Cleave.Models.Sampling.Grammars;

/// <summary>
/// How many bytes, each a token of its own, a rule needs from each of its states to its end at least (Knuth 1977); what
/// cannot end with the tokens that there are is infinite.
/// </summary>
internal static class Distances
{
    public const long Infinite = long.MaxValue / 4;

    public static long[] Of(RuleAutomata automata, bool[] hasByte)
    {
        var distances = new long[automata.Count];
        Array.Fill(distances, Infinite);
        List<int>[] byteFrom = Lists<int>(automata.Count);
        List<(int State, int Rule)>[] returnsTo = Lists<(int, int)>(automata.Count);
        List<(int State, int Return)>[] callersOf = Lists<(int, int)>(automata.Starts.Length);
        for (int state = 0; state < automata.Count; state++)
        {
            for (int i = 0; i < automata.EdgeCount(state); i++)
            {
                (byte first, byte last, int target) = automata.EdgeOf(state, i);
                if (hasByte.AsSpan(first, last - first + 1).Contains(true))
                    byteFrom[target].Add(state);
            }
            for (int i = 0; i < automata.CallCount(state); i++)
            {
                (int rule, int back) = automata.CallOf(state, i);
                returnsTo[back].Add((state, rule));
                callersOf[rule].Add((state, back));
            }
        }
        var ruleOfStart = new Dictionary<int, int>();
        for (int rule = 0; rule < automata.Starts.Length; rule++)
            ruleOfStart[automata.Starts[rule]] = rule;
        var queue = new PriorityQueue<int, long>();
        for (int state = 0; state < automata.Count; state++)
        {
            if (automata.IsEnd(state))
                queue.Enqueue(state, 0);
        }
        while (queue.TryDequeue(out int state, out long distance))
        {
            if (distance >= distances[state])
                continue;
            distances[state] = distance;
            foreach (int before in byteFrom[state])
                queue.Enqueue(before, distance + 1);
            // The way through a rule is known once its start and the state behind it are.
            foreach ((int caller, int rule) in returnsTo[state])
                queue.Enqueue(caller, distance + distances[automata.Starts[rule]]);
            if (!ruleOfStart.TryGetValue(state, out int begun))
                continue;
            foreach ((int caller, int back) in callersOf[begun])
                queue.Enqueue(caller, distance + distances[back]);
        }
        return distances;
    }

    private static List<T>[] Lists<T>(int count) => [.. Enumerable.Range(0, count).Select(_ => new List<T>())];
}
