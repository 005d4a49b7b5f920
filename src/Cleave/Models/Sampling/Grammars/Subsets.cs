using System.Runtime.InteropServices;

namespace Cleave.Models.Sampling.Grammars;

/// <summary>
/// What making all rules of a grammar deterministic may take: few states can still be large sets of nodes, and take long to find.
/// </summary>
internal sealed class SubsetLimits
{
    private const long MaxKept = 2_000_000, MaxLookedAt = 100_000_000;

    private long _kept, _lookedAt;

    public bool Exceeded => _kept > MaxKept || _lookedAt > MaxLookedAt;

    /// <summary>Nodes in sets and edges between them.</summary>
    public void Keep(long count) => _kept += count;

    /// <summary>Nodes and edges that were looked at.</summary>
    public void LookAt(long count) => _lookedAt += count;
}

/// <summary>Makes the automaton of one rule deterministic by the sets of nodes that it can be at (Rabin and Scott 1959).</summary>
internal sealed class Subsets(List<List<int>> empty, List<List<(byte First, byte Last, int Target)>> bytes, List<List<(int Rule, int Target)>> calls,
    SubsetLimits limits, CancellationToken cancellation)
{
    private readonly Dictionary<int[], int> _states = new(new SameNodes());
    private readonly List<int[]> _sets = [];
    private readonly int[] _marks = new int[empty.Count];
    private int _mark;

    /// <summary>Appends the rule's states.</summary>
    /// <returns>False where all states together would be more than <paramref name="most"/>, or it would take too much to find them.</returns>
    public bool Append(int start, int end, RuleAutomata automata, int most)
    {
        int origin = automata.Count;
        StateOf([start]);
        for (int done = 0; done < _sets.Count; done++)
        {
            cancellation.ThrowIfCancellationRequested();
            int[] set = _sets[done];
            var edges = new List<(byte First, byte Last, int Target)>();
            foreach ((byte first, byte last, List<int> targets) in Steps(set))
                AddEdge(edges, first, last, origin + StateOf(targets));
            var taken = new List<(int, int)>();
            foreach (IGrouping<int, (int Rule, int Target)> call in set.SelectMany(n => calls[n]).GroupBy(c => c.Rule).OrderBy(g => g.Key))
            {
                taken.Add((call.Key, origin + StateOf([.. call.Select(c => c.Target)])));
                if (limits.Exceeded)
                    return false;
            }
            limits.Keep(edges.Count + taken.Count);
            if (origin + _sets.Count > most || limits.Exceeded)
                return false;
            automata.Append(set.Contains(end), edges, taken);
        }
        return true;
    }

    private static void AddEdge(List<(byte First, byte Last, int Target)> edges, byte first, byte last, int target)
    {
        if (edges.Count > 0 && edges[^1].Target == target && edges[^1].Last + 1 == first)
            edges[^1] = (edges[^1].First, last, target);
        else
            edges.Add((first, last, target));
    }

    /// <summary>For each range of bytes that leads somewhere, in order: where.</summary>
    private IEnumerable<(byte First, byte Last, List<int> Targets)> Steps(int[] set)
    {
        (byte First, byte Last, int Target)[] all = [.. set.SelectMany(n => bytes[n])];
        int[] cuts = [.. all.SelectMany(e => (int[])[e.First, e.Last + 1]).Distinct().Order()];
        for (int i = 0; i + 1 < cuts.Length && !limits.Exceeded; i++)
        {
            limits.LookAt(all.Length);
            List<int> targets = [.. all.Where(e => e.First <= cuts[i] && cuts[i] <= e.Last).Select(e => e.Target)];
            if (targets.Count > 0)
                yield return ((byte)cuts[i], (byte)(cuts[i + 1] - 1), targets);
        }
    }

    /// <summary>The state of a set of nodes with all that they reach without a byte.</summary>
    private int StateOf(List<int> nodes)
    {
        _mark++;
        var reached = new List<int>();
        foreach (int node in nodes)
            Reach(node, reached);
        for (int i = 0; i < reached.Count; i++)
        {
            List<int> behind = empty[reached[i]];
            limits.LookAt(1 + behind.Count);
            foreach (int next in behind)
                Reach(next, reached);
        }
        int[] set = [.. reached];
        Array.Sort(set);
        ref int state = ref CollectionsMarshal.GetValueRefOrAddDefault(_states, set, out bool known);
        if (!known)
        {
            state = _sets.Count;
            _sets.Add(set);
            limits.Keep(set.Length);
        }
        return state;
    }

    private void Reach(int node, List<int> reached)
    {
        if (_marks[node] == _mark)
            return;
        _marks[node] = _mark;
        reached.Add(node);
    }

    private sealed class SameNodes : IEqualityComparer<int[]>
    {
        public bool Equals(int[]? x, int[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(int[] obj)
        {
            var hash = new HashCode();
            hash.AddBytes(MemoryMarshal.AsBytes(obj.AsSpan()));
            return hash.ToHashCode();
        }
    }
}
