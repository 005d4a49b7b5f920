using System.Globalization;

namespace Cleave.Compression.Pruning;

/// <summary>Which weights of a matrix may become zero: a share of all, or all but N of every M neighbours in a row.</summary>
/// <param name="Share">Zeros among the weights.</param>
/// <param name="Kept">N, or 0 for a share anywhere.</param>
/// <param name="Of">M.</param>
public sealed record SparsityPattern(double Share, int Kept = 0, int Of = 0)
{
    /// <summary>N:M, such as 2:4: N weights of every M are kept (Mishra et al., 2021).</summary>
    public static SparsityPattern Grouped(int kept, int of) => new(1 - (double)kept / of, kept, of);

    /// <exception cref="CleaveException">The text is not N:M with 0 &lt; N &lt; M ≤ 64.</exception>
    public static SparsityPattern Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':');
        return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int kept)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int of) && kept > 0 && kept < of && of <= 64
            ? Grouped(kept, of) : throw new CleaveException($"--pattern {text}: give how many of how many neighbours stay, such as 2:4");
    }

    /// <summary>How many of <paramref name="count"/> weights become zero.</summary>
    public int Zeros(int count) => (int)(Share * count + 1e-9);

    /// <summary>Refuses what cannot be done to a matrix of this many inputs.</summary>
    /// <exception cref="CleaveException">A row would be empty, or is not made of whole groups.</exception>
    public void Check(string name, int inputs)
    {
        if (Of > 0 ? inputs % Of != 0 : !(Share > 0))
            throw new CleaveException(Of > 0 ? $"{name}: {inputs} inputs are no whole groups of {Of}; choose another pattern" : "a sparsity must be above 0");
        if (!(Share * inputs <= inputs - 1))
            throw new CleaveException(string.Create(CultureInfo.InvariantCulture,
                $"{name}: a sparsity of {Share} leaves less than one of its {inputs} inputs to a row; it empties the layer, choose a lower one"));
    }

    public override string ToString() => Of > 0 ? $"{Kept}:{Of}" : Share.ToString("P0", CultureInfo.InvariantCulture);
}
