namespace Cleave.Tuning.Samplers.Evolution;

/// <summary>A space as a vector of real numbers: a number is one gene, a choice has one for each of its values, of which the largest wins.</summary>
internal sealed class Genes
{
    private readonly int[] _choices; // 0 for a number

    public Genes(SearchSpace space)
    {
        _choices = [.. space.Parameters.Select(p => p is CategoricalParameter c ? c.Choices.Count : 0)];
        Count = _choices.Sum(c => Math.Max(1, c));
        Margin = [.. space.Parameters.SelectMany(p => p switch
        {
            CategoricalParameter c => Enumerable.Repeat(0.25, c.Choices.Count),
            NumericParameter { Step: not null, Count: { } count } => [0.4 / count],
            _ => [0.0],
        })];
    }

    public int Count { get; }

    /// <summary>For each gene the least deviation that still changes the value now and then (after Hamano et al., "CMA-ES with Margin", 2022).</summary>
    public double[] Margin { get; }

    /// <summary>The genes of a point; what takes no part has the fallback's.</summary>
    public double[] Of(double[] point, double[] fallback)
    {
        double[] genes = [.. fallback];
        for (int p = 0, g = 0; p < point.Length; g += Math.Max(1, _choices[p++]))
        {
            if (double.IsNaN(point[p]))
                continue;
            if (_choices[p] == 0)
                genes[g] = point[p];
            for (int c = 0; c < _choices[p]; c++)
                genes[g + c] = c == (int)point[p] ? 1 : 0;
        }
        return genes;
    }

    public double[] ToPoint(double[] genes)
    {
        double[] point = new double[_choices.Length];
        for (int p = 0, g = 0; p < point.Length; g += Math.Max(1, _choices[p++]))
        {
            point[p] = genes[g];
            if (_choices[p] == 0)
                continue;
            point[p] = 0;
            for (int c = 1; c < _choices[p]; c++)
                point[p] = genes[g + c] > genes[g + (int)point[p]] ? c : point[p];
        }
        return point;
    }

    /// <summary>Brings a number's gene back into [0, 1] by reflection at the ends; scores are free.</summary>
    public void Reflect(double[] genes)
    {
        for (int p = 0, g = 0; p < _choices.Length; g += Math.Max(1, _choices[p++]))
        {
            if (_choices[p] > 0)
                continue;
            double x = Math.Abs(genes[g]) % 2;
            genes[g] = x > 1 ? 2 - x : x;
        }
    }
}
