using System.Runtime.InteropServices;
using System.Text;

namespace Cleave.Tokenizers;

/// <summary>
/// The state of a BPE training. All distinct words lie one after the other as a linked list of symbols; each pair
/// knows its positions and its weighted count, and a heap knows the best pair. A merge touches only the places
/// where its pair stands, so the whole training is near linear in the length of the distinct words.
/// </summary>
internal sealed class BpeTraining
{
    private const int Dead = -1;

    private readonly int _firstId;
    private readonly Dictionary<string, int> _known;
    private readonly int[] _symbols, _next, _previous;
    private readonly int[] _wordOf;
    private readonly long[] _weights;
    private readonly Dictionary<ulong, int> _pairIndex = [];
    private readonly List<Pair> _pairs = [];
    private readonly List<int> _touched = [];
    private readonly PriorityQueue<(int Pair, long Count), (int Pair, long Count)> _queue;

    /// <param name="firstId">The id of the first byte; smaller ids are the special tokens.</param>
    public BpeTraining(int firstId, IReadOnlyList<string> specialTokens, List<(string Word, long Count)> words)
    {
        _firstId = firstId;
        _known = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int id = 0; id < specialTokens.Count; id++)
            _known.Add(specialTokens[id], id);
        var idOfByte = new int[256];
        foreach (byte b in ByteAlphabet.InVocabularyOrder())
        {
            idOfByte[b] = _firstId + Tokens.Count;
            Learn([b]);
        }
        int total = words.Sum(w => Encoding.UTF8.GetByteCount(w.Word));
        (_symbols, _next, _previous, _wordOf) = (new int[total], new int[total], new int[total], new int[total]);
        _weights = [.. words.Select(w => w.Count)];
        _queue = new PriorityQueue<(int, long), (int, long)>(Comparer<(int, long)>.Create(BestFirst));
        int at = 0;
        for (int word = 0; word < words.Count; word++)
        {
            int start = at;
            foreach (byte b in Encoding.UTF8.GetBytes(words[word].Word))
            {
                (_symbols[at], _wordOf[at]) = (idOfByte[b], word);
                (_previous[at], _next[at]) = (at > start ? at - 1 : -1, at + 1);
                at++;
            }
            if (at > start)
                _next[at - 1] = -1;
        }
        for (int i = 0; i < total; i++)
        {
            if (_next[i] >= 0)
                Count(_symbols[i], _symbols[_next[i]], i);
        }
        OfferTouched();
    }

    /// <summary>Bytes and merged tokens, in the order of their ids.</summary>
    public List<byte[]> Tokens { get; } = [];

    public List<(int Left, int Right, int Result)> Merges { get; } = [];

    public int VocabularySize => _firstId + Tokens.Count;

    /// <returns>False where no pair is left.</returns>
    public bool MergeNext()
    {
        while (_queue.TryDequeue(out (int Pair, long Count) top, out _))
        {
            Pair pair = _pairs[top.Pair];
            if (pair.Count != top.Count)
            {
                // Counts that fell are offered again here; those that rose were when they rose.
                if (pair.Count > 0 && pair.Count < top.Count)
                    _queue.Enqueue((top.Pair, pair.Count), (top.Pair, pair.Count));
                continue;
            }
            if (pair.Count <= 0)
                continue;
            int result = Learn([.. Tokens[pair.Left - _firstId], .. Tokens[pair.Right - _firstId]]);
            Merges.Add((pair.Left, pair.Right, result));
            Apply(pair, result);
            return true;
        }
        return false;
    }

    private void Apply(Pair pair, int result)
    {
        List<int> positions = pair.Positions;
        pair.Positions = [];
        positions.Sort();
        foreach (int at in positions)
        {
            int right = _next[at];
            if (_symbols[at] != pair.Left || right < 0 || _symbols[right] != pair.Right)
                continue;
            int before = _previous[at], after = _next[right];
            long weight = _weights[_wordOf[at]];
            if (before >= 0)
                Discount(_symbols[before], pair.Left, weight);
            if (after >= 0)
                Discount(pair.Right, _symbols[after], weight);
            (_symbols[at], _symbols[right], _next[at], _next[right]) = (result, Dead, after, -1);
            if (before >= 0)
                Count(_symbols[before], result, before);
            if (after >= 0)
            {
                _previous[after] = at;
                Count(result, _symbols[after], at);
            }
        }
        pair.Count = 0;
        OfferTouched();
    }

    private void OfferTouched()
    {
        foreach (int index in _touched)
        {
            if (_pairs[index].Count > 0)
                _queue.Enqueue((index, _pairs[index].Count), (index, _pairs[index].Count));
            _pairs[index].Touched = false;
        }
        _touched.Clear();
    }

    private void Count(int left, int right, int position)
    {
        ref int index = ref CollectionsMarshal.GetValueRefOrAddDefault(_pairIndex, Key(left, right), out bool known);
        if (!known)
        {
            index = _pairs.Count;
            _pairs.Add(new Pair(left, right));
        }
        Pair pair = _pairs[index];
        pair.Count += _weights[_wordOf[position]];
        pair.Positions.Add(position);
        if (!pair.Touched)
        {
            pair.Touched = true;
            _touched.Add(index);
        }
    }

    private void Discount(int left, int right, long weight) => _pairs[_pairIndex[Key(left, right)]].Count -= weight;

    /// <summary>The id of the bytes: a new one, unless other merges have made the same token before.</summary>
    private int Learn(byte[] bytes)
    {
        string text = ByteAlphabet.Encode(bytes);
        if (_known.TryGetValue(text, out int id))
            return id;
        _known.Add(text, id = _firstId + Tokens.Count);
        Tokens.Add(bytes);
        return id;
    }

    private int BestFirst((int Pair, long Count) a, (int Pair, long Count) b)
    {
        if (a.Count != b.Count)
            return b.Count.CompareTo(a.Count);
        Pair x = _pairs[a.Pair], y = _pairs[b.Pair];
        int order = Tokens[y.Left - _firstId].AsSpan().SequenceCompareTo(Tokens[x.Left - _firstId]);
        return order != 0 ? order : Tokens[y.Right - _firstId].AsSpan().SequenceCompareTo(Tokens[x.Right - _firstId]);
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private sealed class Pair(int left, int right)
    {
        public int Left { get; } = left;

        public int Right { get; } = right;

        public long Count { get; set; }

        public bool Touched { get; set; }

        public List<int> Positions { get; set; } = [];
    }
}
