using System.Numerics;

namespace Cleave.Models.Sampling.Grammars;

/// <summary>
/// Which tokens may come next. What a state allows within its own rule is found once, whatever the rule was taken from;
/// only tokens that go beyond the rule's end are followed into what called it.
/// </summary>
internal sealed class TokenMasks(TokenTrie trie, ParseSteps steps)
{
    /// <summary>Bytes of remembered masks; beyond, they are forgotten and made again.</summary>
    private const long MaxRemembered = 96L << 20;

    private readonly Dictionary<int, Local> _locals = [];
    private readonly List<ParseState> _levels = [];
    private readonly ParseState _outer = new(), _alone = new();
    private readonly List<int> _escapes = [];
    private readonly ulong[] _scratch = new ulong[(trie.VocabularySize + 63) / 64];
    private long _remembered;

    public int Words => _scratch.Length;

    /// <summary>Sets the bits of the tokens that may follow a text; control tokens are not among them.</summary>
    public void Fill(ParseState at, Span<ulong> mask)
    {
        mask.Clear();
        for (int i = 0; i < at.Count; i++)
        {
            (int state, Frame? frame) = at[i];
            Local local = LocalOf(state);
            local.AddTo(mask);
            if (frame is null || local.Escapes.Length == 0)
                continue;
            steps.Return(frame, _outer);
            foreach (int node in local.Escapes)
                Walk(node, _outer, 0, mask, null);
        }
    }

    /// <summary>
    /// Sets the bits of the tokens that may begin a text whose first blank is dropped. A blank alone may: what follows it is then
    /// all there, also a blank that the grammar begins with.
    /// </summary>
    public void FillFirst(ParseState at, Span<ulong> mask)
    {
        mask.Clear();
        (int from, int to) = trie.ChildrenOf(0);
        for (int child = from; child < to; child++)
        {
            if (trie.ByteOf(child) != (byte)' ')
                Visit(child, at, 0, mask, null);
        }
        foreach (int token in trie.DroppedBlanks)
            mask[token >> 6] |= 1UL << token;
        if (trie.Child(0, (byte)' ') is var blank and >= 0)
            Walk(blank, at, 0, mask, null);
    }

    private Local LocalOf(int state)
    {
        if (_locals.TryGetValue(state, out Local? known))
            return known;
        _alone.Clear();
        _alone.Add(state, Frame.Bottom);
        _scratch.AsSpan().Clear();
        _escapes.Clear();
        Walk(0, _alone, 0, _scratch, _escapes);
        var local = new Local(_scratch, [.. _escapes]);
        _remembered += local.Bytes;
        if (_remembered > MaxRemembered)
        {
            _locals.Clear();
            _remembered = local.Bytes;
        }
        return _locals[state] = local;
    }

    private void Walk(int node, ParseState at, int depth, Span<ulong> mask, List<int>? escapes)
    {
        (int from, int to) = trie.ChildrenOf(node);
        for (int child = from; child < to; child++)
            Visit(child, at, depth, mask, escapes);
    }

    private void Visit(int child, ParseState at, int depth, Span<ulong> mask, List<int>? escapes)
    {
        if (_levels.Count == depth)
            _levels.Add(new ParseState());
        ParseState next = _levels[depth];
        steps.Step(at, trie.ByteOf(child), next);
        if (next.IsDead)
            return;
        foreach (int token in trie.TokensOf(child))
            mask[token >> 6] |= 1UL << token;
        if (trie.IsLeaf(child))
            return;
        if (next.Escapes)
            escapes!.Add(child);
        if (next.Count > 0)
            Walk(child, next, depth + 1, mask, escapes);
    }

    /// <summary>What a state allows within its rule: tokens, and the nodes of the tree at which the rule can have ended.</summary>
    private sealed class Local
    {
        private readonly ulong[]? _dense;
        private readonly int[]? _sparse;

        public Local(ulong[] mask, int[] escapes)
        {
            Escapes = escapes;
            int count = 0;
            foreach (ulong word in mask)
                count += BitOperations.PopCount(word);
            if (count > mask.Length)
            {
                _dense = [.. mask];
                return;
            }
            _sparse = new int[count];
            for (int word = 0, at = 0; word < mask.Length; word++)
            {
                for (ulong bits = mask[word]; bits != 0; bits &= bits - 1)
                    _sparse[at++] = 64 * word + BitOperations.TrailingZeroCount(bits);
            }
        }

        public int[] Escapes { get; }

        public long Bytes => 64 + 8L * (_dense?.Length ?? 0) + 4L * (_sparse?.Length ?? 0) + 4L * Escapes.Length;

        public void AddTo(Span<ulong> mask)
        {
            for (int i = 0; i < _dense?.Length; i++)
                mask[i] |= _dense[i];
            foreach (int token in _sparse ?? [])
                mask[token >> 6] |= 1UL << token;
        }
    }
}
