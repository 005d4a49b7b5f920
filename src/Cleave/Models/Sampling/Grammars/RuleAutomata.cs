namespace Cleave.Models.Sampling.Grammars;

/// <summary>
/// A grammar as one deterministic automaton over bytes for each rule, which besides bytes takes whole other rules
/// (a recursive transition network; Woods 1970). States of all rules are numbered together.
/// </summary>
internal sealed class RuleAutomata
{
    private readonly List<int> _edgeStarts = [0], _callStarts = [0];
    private readonly List<(byte First, byte Last, int Target)> _edges = [];
    private readonly List<(int Rule, int Return)> _calls = [];
    private readonly List<bool> _ends = [];

    /// <summary>The first state of each rule; the text begins with rule 0.</summary>
    public required int[] Starts { get; init; }

    public int Count => _ends.Count;

    public bool IsEnd(int state) => _ends[state];

    public int CallCount(int state) => _callStarts[state + 1] - _callStarts[state];

    public (int Rule, int Return) CallOf(int state, int index) => _calls[_callStarts[state] + index];

    public int EdgeCount(int state) => _edgeStarts[state + 1] - _edgeStarts[state];

    public (byte First, byte Last, int Target) EdgeOf(int state, int index) => _edges[_edgeStarts[state] + index];

    /// <summary>Whether the state only takes bytes: no rule is taken here and none ends.</summary>
    public bool IsPlain(int state) => !_ends[state] && CallCount(state) == 0;

    /// <summary>Whether nothing can follow in the rule.</summary>
    public bool IsLast(int state) => _ends[state] && EdgeCount(state) == 0 && CallCount(state) == 0;

    /// <summary>The state after a byte, or −1.</summary>
    public int Next(int state, byte value)
    {
        int low = _edgeStarts[state], high = _edgeStarts[state + 1] - 1;
        while (low <= high)
        {
            int middle = (low + high) >> 1;
            (byte first, byte last, int target) = _edges[middle];
            if (value < first)
                high = middle - 1;
            else if (value > last)
                low = middle + 1;
            else
                return target;
        }
        return -1;
    }

    /// <summary>Appends the next state; its edges are in order and do not overlap.</summary>
    public void Append(bool isEnd, IEnumerable<(byte First, byte Last, int Target)> edges, IEnumerable<(int Rule, int Return)> calls)
    {
        _ends.Add(isEnd);
        _edges.AddRange(edges);
        _edgeStarts.Add(_edges.Count);
        _calls.AddRange(calls);
        _callStarts.Add(_calls.Count);
    }
}
