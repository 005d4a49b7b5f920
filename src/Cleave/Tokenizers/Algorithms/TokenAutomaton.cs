namespace Cleave.Tokenizers.Algorithms;

/// <summary>
/// Finds every occurrence of a set of texts in one pass (Aho and Corasick 1975). A step takes constant time, amortized,
/// whatever the texts and the input are; edges lie in one open hash table.
/// </summary>
internal sealed class TokenAutomaton
{
    private readonly int[] _fail, _link, _value, _depth;
    private long[] _keys;
    private int[] _targets;
    private int _edges;

    /// <param name="reversed">Whether the texts are read from their ends, for a scan from right to left.</param>
    public TokenAutomaton(IReadOnlyList<(string Text, int Value)> tokens, bool reversed = false)
    {
        _keys = new long[64];
        _targets = new int[64];
        Array.Fill(_keys, -1);
        List<int> parents = [0], values = [-1], depths = [0];
        List<char> characters = ['\0'];
        foreach ((string text, int value) in tokens)
        {
            int node = 0;
            for (int i = 0; i < text.Length; i++)
            {
                char c = text[reversed ? text.Length - 1 - i : i];
                int next = Find(node, c);
                if (next < 0)
                {
                    next = values.Count;
                    Add(node, c, next);
                    parents.Add(node);
                    values.Add(-1);
                    depths.Add(i + 1);
                    characters.Add(c);
                }
                node = next;
            }
            values[node] = value;
        }
        (_value, _depth) = ([.. values], [.. depths]);
        _fail = new int[_value.Length];
        _link = new int[_value.Length];
        _link[0] = -1;
        int[] order = [.. Enumerable.Range(1, _value.Length - 1)];
        Array.Sort(order.Select(n => _depth[n]).ToArray(), order);
        foreach (int node in order)
        {
            int parent = parents[node];
            _fail[node] = parent == 0 ? 0 : Step(_fail[parent], characters[node]);
            _link[node] = _value[_fail[node]] >= 0 ? _fail[node] : _link[_fail[node]];
        }
    }

    /// <summary>The state after one more character; the first state is 0.</summary>
    public int Step(int node, char c)
    {
        while (true)
        {
            int next = Find(node, c);
            if (next >= 0)
                return next;
            if (node == 0)
                return 0;
            node = _fail[node];
        }
    }

    /// <summary>The longest text that ends here, as a state; −1 for none.</summary>
    public int Longest(int node) => _value[node] >= 0 ? node : _link[node];

    /// <summary>The next shorter text that ends here; −1 for none.</summary>
    public int Shorter(int match) => _link[match];

    public int LengthOf(int match) => _depth[match];

    public int ValueOf(int match) => _value[match];

    private int Find(int node, char c)
    {
        long key = (long)node << 16 | c;
        for (int at = Home(key); ; at = (at + 1) & (_keys.Length - 1))
        {
            if (_keys[at] == key)
                return _targets[at];
            if (_keys[at] < 0)
                return -1;
        }
    }

    private void Add(int node, char c, int target)
    {
        if (2 * ++_edges > _keys.Length)
            Grow();
        Place((long)node << 16 | c, target);
    }

    private void Grow()
    {
        (long[] keys, int[] targets) = (_keys, _targets);
        _keys = new long[2 * keys.Length];
        _targets = new int[2 * keys.Length];
        Array.Fill(_keys, -1);
        for (int i = 0; i < keys.Length; i++)
        {
            if (keys[i] >= 0)
                Place(keys[i], targets[i]);
        }
    }

    private void Place(long key, int target)
    {
        int at = Home(key);
        while (_keys[at] >= 0)
            at = (at + 1) & (_keys.Length - 1);
        (_keys[at], _targets[at]) = (key, target);
    }

    private int Home(long key) => (int)((ulong)key * 0x9E3779B97F4A7C15 >> (64 - System.Numerics.BitOperations.Log2((uint)_keys.Length)));
}
