namespace Cleave.Evaluation.Metrics;

/// <summary>Right, expected and found items of each class, and the formulas over them.</summary>
/// <param name="noLabel">The number that stands for a missing prediction, or −1: no class of the macro mean.</param>
internal sealed class ClassCounts(int classes, int noLabel)
{
    private readonly int[] _right = new int[classes], _expected = new int[classes], _found = new int[classes];

    public int Items { get; private set; }
    public int Right { get; private set; }

    public void Clear()
    {
        (Items, Right) = (0, 0);
        Array.Clear(_right);
        Array.Clear(_expected);
        Array.Clear(_found);
    }

    public void Add(int expected, int found)
    {
        Items++;
        _expected[expected]++;
        _found[found]++;
        if (expected != found)
            return;
        Right++;
        _right[expected]++;
    }

    /// <summary>2TP / (expected + found); 0 where the class does not occur.</summary>
    public double F1(int c) => _expected[c] + _found[c] == 0 ? 0 : 2.0 * _right[c] / (_expected[c] + _found[c]);

    public double MacroF1()
    {
        double sum = 0;
        int occurring = 0;
        for (int c = 0; c < _right.Length; c++)
        {
            sum += F1(c);
            occurring += _expected[c] + _found[c] > 0 && c != noLabel ? 1 : 0;
        }
        return sum / occurring;
    }

    /// <summary>R_K = (c·s − Σ p_k t_k) / √((s² − Σ p_k²)(s² − Σ t_k²)), s items, c right, p found, t expected (Gorodkin
    /// 2004).</summary>
    public double Matthews()
    {
        double both = 0, found = 0, expected = 0, items = (double)Items * Items;
        for (int c = 0; c < _right.Length; c++)
        {
            both += (double)_found[c] * _expected[c];
            found += (double)_found[c] * _found[c];
            expected += (double)_expected[c] * _expected[c];
        }
        double scale = (items - found) * (items - expected);
        return scale == 0 ? 0 : ((double)Right * Items - both) / Math.Sqrt(scale);
    }
}
