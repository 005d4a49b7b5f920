using Cleave.Numerics.Kernels;

namespace Cleave.Serving.Engine;

/// <summary>
/// Keys and values of texts that were read lately, by whole pages: a prompt that begins like one of them need not be read from its
/// beginning, such as the next turn of a conversation. Who was not asked for the longest goes first. For one thread.
/// </summary>
/// <param name="most">Texts that are kept.</param>
internal sealed class KnownPrefixes(int most) : IDisposable
{
    private readonly List<(int Adapter, int[] Tokens, KeyValuePages Pages)> _texts = []; // the one that was used last at the end

    /// <summary>Bytes of the pages, those that running sequences share included.</summary>
    public long Bytes => _texts.Sum(t => t.Pages.Bytes);

    /// <summary>How many tokens two texts have in common that whole pages hold, when at least one of the second's is left to be read.</summary>
    public static int Common(ReadOnlySpan<int> tokens, ReadOnlySpan<int> prompt) =>
        Math.Min(tokens.CommonPrefixLength(prompt), prompt.Length - 1) / KeyValuePages.PagePositions * KeyValuePages.PagePositions;

    /// <summary>How many tokens of a prompt are known; keys and values are those of one adapter.</summary>
    public int Match(int adapter, ReadOnlySpan<int> prompt)
    {
        int longest = 0;
        foreach ((int of, int[] tokens, _) in _texts)
        {
            if (of == adapter)
                longest = Math.Max(longest, Common(tokens, prompt));
        }
        return longest;
    }

    /// <summary>A cache that holds the first tokens of a prompt already; null where none are known.</summary>
    public KeyValuePages? Take(int adapter, ReadOnlySpan<int> prompt)
    {
        int length = Match(adapter, prompt);
        if (length == 0)
            return null;
        int at = 0;
        while (_texts[at].Adapter != adapter || Common(_texts[at].Tokens, prompt) != length)
            at++;
        (int Adapter, int[] Tokens, KeyValuePages Pages) text = _texts[at];
        _texts.RemoveAt(at);
        _texts.Add(text);
        KeyValuePages pages = text.Pages.Fork();
        pages.Truncate(length);
        return pages;
    }

    /// <summary>Keeps what a sequence has read, its whole pages, as far as there is room.</summary>
    /// <param name="tokens">At least those that <paramref name="cache"/> holds.</param>
    /// <param name="room">Bytes that all texts together may take.</param>
    public void Keep(int adapter, ReadOnlySpan<int> tokens, KeyValuePages cache, long room)
    {
        int length = cache.Length / KeyValuePages.PagePositions * KeyValuePages.PagePositions;
        tokens = tokens[..length];
        if (most == 0 || length == 0 || Knows(adapter, tokens))
            return;
        for (int i = _texts.Count - 1; i >= 0; i--)
        {
            if (_texts[i].Adapter == adapter && tokens.StartsWith(_texts[i].Tokens))
                Drop(i);
        }
        KeyValuePages pages = cache.Fork();
        pages.Truncate(length);
        _texts.Add((adapter, tokens.ToArray(), pages));
        while (_texts.Count > most)
            Drop(0);
        Shrink(room);
    }

    /// <summary>Forgets what was not used for the longest until the others fit.</summary>
    public void Shrink(long room)
    {
        while (_texts.Count > 0 && Bytes > room)
            Drop(0);
    }

    public void Dispose() => Shrink(-1);

    private bool Knows(int adapter, ReadOnlySpan<int> tokens)
    {
        foreach ((int of, int[] known, _) in _texts)
        {
            if (of == adapter && known.AsSpan().StartsWith(tokens))
                return true;
        }
        return false;
    }

    private void Drop(int index)
    {
        _texts[index].Pages.Dispose();
        _texts.RemoveAt(index);
    }
}
