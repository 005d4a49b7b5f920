using Cleave.Compression.Conversion;
using Cleave.Formats.Gguf;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Quantized;

namespace Cleave.Compression.Quantization;

/// <summary>What one matrix costs in one format.</summary>
/// <param name="Divergence">Of the model with this matrix alone rounded, from the model before, in nats a token.</param>
public sealed record FormatCost(string Name, BlockFormat Format, long Bytes, double Divergence);

/// <summary>
/// Chooses a format for every matrix: each matrix is rounded alone and the divergence of the model's predictions measured, and then
/// bytes are saved where they cost the least divergence. Divergences are taken to add up; the choice is to be checked as a whole.
/// </summary>
public static class MixedPrecision
{
    /// <summary>The formats that are tried, where a matrix is made of whole blocks of them.</summary>
    public static IReadOnlyList<BlockFormat> Candidates { get; } =
        [BlockFormat.Q8_0, BlockFormat.Q6_K, BlockFormat.Q5_K, BlockFormat.Q5_0, BlockFormat.Q4_K, BlockFormat.Q4_0, BlockFormat.Q3_K, BlockFormat.Q2_K];

    /// <summary>Refuses bytes that not even the coarsest formats fit in, before anything is measured.</summary>
    /// <param name="mix">The types of what is not rounded or fits no blocks.</param>
    /// <returns>The bytes that are left for the others.</returns>
    /// <exception cref="CleaveException">They need more.</exception>
    public static long RequireBytes(Transformer model, TypeMix mix, long bytes)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(mix);
        long fewest = 0, others = 0;
        foreach ((string name, object weight) in model.Weights())
        {
            if (weight is not DenseLinear linear)
                continue;
            if (IsRounded(name) && Fitting(linear).Any())
                fewest += Fitting(linear).Min(f => Stored(linear, f.Stored()));
            else
                others += Stored(linear, mix.For(name, model.Spec, linear.Inputs, importance: false));
        }
        return fewest + others <= bytes ? bytes - others
            : throw new CleaveException($"--bytes: the matrices need at least {fewest + others} bytes in the coarsest formats that fit them, more than {bytes}"
                + (others > 0 ? $"; {others} of them are for what no blocks fit" : ""));
    }

    // In a file; a bias is none of it.
    private static long Stored(DenseLinear linear, GgufTensorType type) => (long)linear.Outputs * linear.Inputs / type.Block()!.Value.Elements * type.Block()!.Value.Bytes;

    private static IEnumerable<BlockFormat> Fitting(DenseLinear linear) => Candidates.Where(f => linear.Inputs % BlockFormats.Elements(f) == 0);

    /// <summary>Measures every matrix in every format that fits it.</summary>
    /// <param name="model">Of float32 matrices; as it was afterwards.</param>
    /// <param name="importance">By a matrix's name, or empty.</param>
    public static IReadOnlyList<FormatCost> Measure(Transformer model, IReadOnlyList<int[]> windows, Func<string, float[]> importance, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(model);
        Transformer changed = DenseCopy.Of(model, "the model");
        var costs = new List<FormatCost>();
        (string Name, DenseLinear Linear)[] matrices = [.. changed.Weights().Where(w => w.Weight is DenseLinear && IsRounded(w.Name)).Select(w => (w.Name, (DenseLinear)w.Weight))];
        int done = 0;
        foreach ((string name, DenseLinear linear) in matrices)
        {
            foreach (BlockFormat format in Fitting(linear))
            {
                using var matrix = QuantizedMatrix.Quantize(format, linear.Weight.Data, linear.Outputs, linear.Inputs, importance(name));
                var rounded = new QuantizedLinear(matrix, linear.Bias);
                costs.Add(new FormatCost(name, format, Stored(linear, format.Stored()), Divergence(model, changed, name, rounded, linear, windows, cancel)));
            }
            progress?.Report(new ProgressReport("sensitivity", ++done, matrices.Length, "matrices"));
        }
        return costs;
    }

    /// <summary>The formats of least divergence in so many bytes.</summary>
    /// <exception cref="CleaveException">The coarsest formats need more.</exception>
    public static IReadOnlyDictionary<string, FormatCost> WithinBytes(IReadOnlyList<FormatCost> costs, long bytes)
    {
        long fewest = 0;
        foreach (Dictionary<string, FormatCost> chosen in Path(costs))
        {
            fewest = chosen.Values.Sum(c => c.Bytes);
            if (fewest <= bytes)
                return chosen;
        }
        throw new CleaveException($"--bytes: the matrices need at least {fewest} bytes in the coarsest formats that are worth it, more than {bytes}");
    }

    /// <summary>The fewest bytes whose divergences sum to at most so many nats a token.</summary>
    /// <exception cref="CleaveException">The finest formats diverge more.</exception>
    public static IReadOnlyDictionary<string, FormatCost> WithinDivergence(IReadOnlyList<FormatCost> costs, double divergence) =>
        Path(costs).TakeWhile(chosen => chosen.Values.Sum(c => c.Divergence) <= divergence).LastOrDefault()
            ?? throw new CleaveException($"--kl: even the finest formats diverge by more than {divergence} nats a token");

    // From the finest formats on, each step saves bytes where a byte costs the least divergence.
    private static IEnumerable<Dictionary<string, FormatCost>> Path(IReadOnlyList<FormatCost> costs)
    {
        Dictionary<string, List<FormatCost>> rows = costs.GroupBy(c => c.Name).ToDictionary(g => g.Key, g => Hull([.. g]), StringComparer.Ordinal);
        Dictionary<string, int> place = rows.Keys.ToDictionary(name => name, _ => 0, StringComparer.Ordinal);
        while (true)
        {
            yield return rows.ToDictionary(r => r.Key, r => r.Value[place[r.Key]], StringComparer.Ordinal);
            string[] open = [.. rows.Keys.Where(name => place[name] + 1 < rows[name].Count)];
            if (open.Length == 0)
                yield break;
            place[open.MinBy(name => Slope(rows[name][place[name]], rows[name][place[name] + 1]))!]++;
        }
    }

    // The formats of a matrix that are worth it, from the finest: each saves bytes at a price that only rises.
    private static List<FormatCost> Hull(List<FormatCost> formats)
    {
        var hull = new List<FormatCost>();
        foreach (FormatCost next in formats.OrderByDescending(f => f.Bytes).ThenBy(f => f.Divergence))
        {
            while (hull.Count > 0 && (next.Divergence <= hull[^1].Divergence || hull.Count > 1 && Slope(hull[^2], next) <= Slope(hull[^2], hull[^1])))
                hull.RemoveAt(hull.Count - 1);
            if (hull.Count == 0 || next.Bytes < hull[^1].Bytes)
                hull.Add(next);
        }
        return hull;
    }

    private static double Slope(FormatCost from, FormatCost to) => (to.Divergence - from.Divergence) / (from.Bytes - to.Bytes);

    private static double Divergence(Transformer model, Transformer changed, string name, Linear rounded, Linear exact, IReadOnlyList<int[]> windows, CancellationToken cancel)
    {
        changed.ReplaceLinears((n, l) => n == name ? rounded : l);
        try
        {
            return Math.Max(0, Fidelity.Measure(model, changed, windows, double.PositiveInfinity, null, cancel).Divergence);
        }
        finally
        {
            changed.ReplaceLinears((n, l) => n == name ? exact : l);
        }
    }

    private static bool IsRounded(string name) => name is WeightNames.Embedding or WeightNames.Output || name.EndsWith("_proj.weight", StringComparison.Ordinal);
}
