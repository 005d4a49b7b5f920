using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;
using Cleave.Numerics;

namespace Cleave.Data.Cleaning;

/// <summary>
/// Groups items whose texts are nearly the same: equal but for case, white space and punctuation, or sharing at least
/// four fifths of their runs of five characters (Jaccard). Candidates are found by MinHash with banding (Broder 1997;
/// Leskovec et al., Mining of Massive Datasets, chapter 3), then compared.
/// </summary>
internal static class NearDuplicates
{
    internal const double Similar = 0.8;
    private const int RunLength = 5;

    // 19 bands of 5 rows propose a pair of similarity 0.8 with probability 0.9995, one of 0.5 with 0.45.
    internal const int Bands = 19;
    private const int Rows = 5, Hashes = 96;

    /// <summary>Longer texts are represented by their smallest hashes (a bottom-k sketch), which bounds time and
    /// memory.</summary>
    private const int MaxRuns = 1024;

    /// <summary>One group number an item, numbered by first appearance.</summary>
    public static int[] Groups(IReadOnlyList<Example> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        int[] groups = new int[items.Count];
        var first = new Dictionary<string, int>(StringComparer.Ordinal);
        var distinct = new List<uint[]>();
        for (int i = 0; i < items.Count; i++)
        {
            string key = Words(items[i].Text);
            if (!first.TryGetValue(key, out groups[i]))
            {
                first[key] = groups[i] = distinct.Count;
                distinct.Add(Runs(key));
            }
        }
        int[] parents = Join(distinct);
        var numbers = new Dictionary<int, int>();
        for (int i = 0; i < groups.Length; i++)
        {
            int root = Root(parents, groups[i]);
            if (!numbers.TryGetValue(root, out int number))
                numbers[root] = number = numbers.Count;
            groups[i] = number;
        }
        return groups;
    }

    /// <summary>The union-find forest of texts after comparing those that share a band with the band's first text.</summary>
    private static int[] Join(List<uint[]> texts)
    {
        int[] parents = [.. Enumerable.Range(0, texts.Count)];
        var hasher = new MinHash();
        uint[][] signatures = [.. texts.Select(hasher.Signature)];
        var buckets = new Dictionary<ulong, int>(texts.Count);
        for (int band = 0; band < Bands; band++)
        {
            buckets.Clear();
            for (int i = 0; i < texts.Count; i++)
            {
                if (texts[i].Length == 0 || buckets.TryAdd(BandKey(signatures[i], band), i))
                    continue;
                int other = buckets[BandKey(signatures[i], band)];
                int a = Root(parents, i), b = Root(parents, other);
                if (a != b && Jaccard(texts[i], texts[other]) >= Similar)
                    parents[Math.Max(a, b)] = Math.Min(a, b);
            }
        }
        return parents;
    }

    private static int Root(int[] parents, int i)
    {
        while (parents[i] != i)
            i = parents[i] = parents[parents[i]];
        return i;
    }

    internal static ulong BandKey(uint[] signature, int band)
    {
        ulong key = 0;
        for (int r = band * Rows; r < (band + 1) * Rows; r++)
            key = Mix(key ^ signature[r]);
        return key;
    }

    /// <summary>|A ∩ B| / |A ∪ B| of two sorted sets.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static double Jaccard(uint[] a, uint[] b)
    {
        int i = 0, j = 0, common = 0;
        while (i < a.Length && j < b.Length)
        {
            if (a[i] == b[j])
            {
                common++;
                i++;
                j++;
            }
            else if (a[i] < b[j])
            {
                i++;
            }
            else
            {
                j++;
            }
        }
        return (double)common / (a.Length + b.Length - common);
    }

    /// <summary>The hashes of all runs of five characters, each once, sorted; none for texts too short to be compared
    /// so.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static uint[] Runs(string text)
    {
        if (text.Length < 2 * RunLength)
            return [];
        var runs = new uint[text.Length - RunLength + 1];
        for (int i = 0; i < runs.Length; i++)
        {
            ulong hash = 0;
            for (int k = 0; k < RunLength; k++)
                hash = Mix(hash ^ text[i + k]);
            runs[i] = (uint)(hash >> 32);
        }
        Array.Sort(runs);
        int kept = 0;
        for (int i = 0; i < runs.Length && kept < MaxRuns; i++)
        {
            if (i == 0 || runs[i] != runs[i - 1])
                runs[kept++] = runs[i];
        }
        return runs[..kept];
    }

    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 32)) * 0x9E3779B97F4A7C15;
        return (x ^ (x >> 29)) * 0xBF58476D1CE4E5B9;
    }

    /// <summary>The text's letters and digits in lower case, words parted by one blank; the normalised text where there
    /// are none.</summary>
    internal static string Words(string text)
    {
        var key = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (char.IsLetterOrDigit(c) || char.IsSurrogate(c))
                key.Append(char.ToLowerInvariant(c));
            else if (char.IsWhiteSpace(c) && key.Length > 0 && key[^1] != ' ')
                key.Append(' ');
        }
        string words = key.ToString().TrimEnd();
        return words.Length > 0 ? words : TextKeys.Normalise(text);
    }

    /// <summary>Signatures of fixed random permutations x → a·x + b modulo 2³², a odd.</summary>
    internal sealed class MinHash
    {
        private readonly uint[] _factors = new uint[Hashes], _offsets = new uint[Hashes];

        public MinHash()
        {
            Rng rng = Rng.For(0, "near-duplicates"); // fixed: grouping depends on the texts only
            for (int h = 0; h < Hashes; h++)
                (_factors[h], _offsets[h]) = ((uint)rng.NextUInt64() | 1, (uint)rng.NextUInt64());
        }

        // Optimised from the first call: data sets are loaded once, too soon for the tiers to rise.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public uint[] Signature(uint[] runs)
        {
            var signature = new uint[Hashes];
            Array.Fill(signature, uint.MaxValue);
            int lanes = Vector<uint>.Count; // 4, 8 or 16, each a divisor of Hashes
            for (int h = 0; h < Hashes; h += lanes)
            {
                Vector<uint> factors = new(_factors, h), offsets = new(_offsets, h), lowest = new(uint.MaxValue);
                foreach (uint run in runs)
                    lowest = Vector.Min(lowest, factors * new Vector<uint>(run) + offsets);
                lowest.CopyTo(signature, h);
            }
            return signature;
        }
    }
}
