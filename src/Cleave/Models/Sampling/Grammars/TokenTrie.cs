using System.Runtime.CompilerServices;
using Cleave.Tokenizers;

namespace Cleave.Models.Sampling.Grammars;

/// <summary>
/// The bytes of all tokens as a tree. Nodes are numbered in breadth, so a node's children lie side by side; tokens are in
/// the order of their bytes.
/// </summary>
internal sealed class TokenTrie
{
    /// <summary>Longer tokens, and those without bytes, never come under a constraint.</summary>
    private const int LongestToken = 256;

    private static readonly ConditionalWeakTable<ITokenizer, TokenTrie> Made = [];

    private readonly int[] _tokens;
    private readonly List<int> _firstChild = [], _firstToken = [], _tokenCount = [];
    private readonly List<byte> _bytes = [];

    private TokenTrie(ITokenizer tokenizer)
    {
        VocabularySize = tokenizer.VocabularySize;
        int[] ids = [.. Enumerable.Range(0, VocabularySize)
            .Where(id => !tokenizer.IsSpecial(id) && id != tokenizer.UnknownId && tokenizer.BytesOf(id).Length is > 0 and <= LongestToken)];
        byte[][] keys = [.. ids.Select(id => tokenizer.BytesOf(id).ToArray())];
        Array.Sort(keys, ids, Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)));
        _tokens = ids;
        Build(keys);
        HasByte = [.. Enumerable.Range(0, 256).Select(b => keys.Any(k => k.Length == 1 && k[0] == b))];
        // Some decoders drop the blank that a text begins with: then a first token says less than its bytes.
        DropsFirstBlank = ids.FirstOrDefault(id => tokenizer.BytesOf(id).Length > 1 && tokenizer.BytesOf(id)[0] == (byte)' ') is var probe and > 0
            && !tokenizer.Decode([probe]).StartsWith(' ');
        DroppedBlanks = DropsFirstBlank ? [.. ids.Where(id => tokenizer.BytesOf(id) is [(byte)' '] && tokenizer.Decode([id]).Length == 0)] : [];
    }

    /// <summary>The tree of a tokenizer, made once.</summary>
    public static TokenTrie Of(ITokenizer tokenizer) => Made.GetValue(tokenizer, static t => new TokenTrie(t));

    public int VocabularySize { get; }

    /// <summary>Which bytes are tokens by themselves.</summary>
    public bool[] HasByte { get; }

    public bool DropsFirstBlank { get; }

    /// <summary>The tokens that are nothing but such a blank; of the ways to write one, a decoder may drop some only.</summary>
    public int[] DroppedBlanks { get; }

    /// <summary>The byte that leads to a node.</summary>
    public byte ByteOf(int node) => _bytes[node];

    /// <summary>The children of a node, by byte: from the first up to, but without, the second.</summary>
    public (int From, int To) ChildrenOf(int node) => (_firstChild[node], _firstChild[node + 1]);

    public bool IsLeaf(int node) => _firstChild[node] == _firstChild[node + 1];

    /// <summary>The tokens whose bytes end at a node.</summary>
    public ReadOnlySpan<int> TokensOf(int node) => _tokens.AsSpan(_firstToken[node], _tokenCount[node]);

    /// <summary>The child of a node by a byte, or −1.</summary>
    public int Child(int node, byte value)
    {
        (int from, int to) = ChildrenOf(node);
        for (int child = from; child < to; child++)
        {
            if (_bytes[child] == value)
                return child;
        }
        return -1;
    }

    private void Build(byte[][] keys)
    {
        List<(int From, int To, int Depth)> spans = [(0, keys.Length, 0)];
        _bytes.Add(0);
        for (int node = 0; node < spans.Count; node++)
        {
            (int from, int to, int depth) = spans[node];
            _firstChild.Add(spans.Count);
            _firstToken.Add(from);
            int at = from;
            while (at < to && keys[at].Length == depth)
                at++;
            _tokenCount.Add(at - from);
            while (at < to)
            {
                byte value = keys[at][depth];
                int start = at;
                while (at < to && keys[at][depth] == value)
                    at++;
                spans.Add((start, at, depth + 1));
                _bytes.Add(value);
            }
        }
        _firstChild.Add(spans.Count);
    }
}
