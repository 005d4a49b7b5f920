using System.Numerics;
using System.Runtime.InteropServices;
using Cleave.Models.Bag;
using Cleave.Numerics.Threading;

namespace Cleave.Training.Bag;

/// <summary>
/// Adam (Kingma and Ba, 2015) for dense arrays and for tables of which a batch
/// touches few rows: moments of rows without a gradient stand still.
/// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², w ← w − η·√(1−β₂ᵗ)/(1−β₁ᵗ)·m/(√v + ε), the paper's
/// short form.
/// </summary>
internal sealed class LazyAdam(int size)
{
    private const int Parts = 8;
    private const float Beta1 = 0.9f, Beta2 = 0.999f, Epsilon = 1e-8f;

    private readonly float[] _m = new float[size];
    private readonly float[] _v = new float[size];
    private float[] _scratch = [];

    /// <summary>One step of all of a dense array.</summary>
    /// <param name="step">Number of this step, from 1.</param>
    public void Step(Span<float> weights, ReadOnlySpan<float> gradient, float rate, int step)
        => Update(weights, gradient, _m, _v, Corrected(rate, step));

    /// <summary>One step of the touched rows of a table; rows are shared out over the threads, which changes no bit.</summary>
    /// <param name="step">Number of this step, from 1.</param>
    public void Step(NgramEmbedding table, SparseGradient gradient, float rate, int step)
    {
        if (_scratch.Length < Parts * table.Dim)
            _scratch = new float[Parts * table.Dim];
        var rows = new RowsPart(this, table, gradient, Corrected(rate, step));
        ThreadTeam.Current.Run(Parts, ref rows);
    }

    private readonly struct RowsPart(LazyAdam adam, NgramEmbedding table, SparseGradient gradient, float rate) : IPart
    {
        public void Invoke(int part)
        {
            int dim = table.Dim;
            ReadOnlySpan<int> rows = gradient.TouchedRows;
            Span<float> g = adam._scratch.AsSpan(part * dim, dim);
            int last = (int)((long)rows.Length * (part + 1) / Parts);
            for (int slot = (int)((long)rows.Length * part / Parts); slot < last; slot++)
            {
                gradient.Form(slot, g);
                int at = rows[slot] * dim;
                Update(table.Row(rows[slot]), g, adam._m.AsSpan(at, dim), adam._v.AsSpan(at, dim), rate);
            }
        }
    }

    /// <summary>Both bias corrections, drawn together into the rate: η·√(1−β₂ᵗ)/(1−β₁ᵗ).</summary>
    private static float Corrected(float rate, int step)
        => (float)(rate * Math.Sqrt(1 - Math.Pow(Beta2, step)) / (1 - Math.Pow(Beta1, step)));

    private static void Update(Span<float> w, ReadOnlySpan<float> g, Span<float> m, Span<float> v, float rate)
    {
        int whole = w.Length - (w.Length % Vector<float>.Count);
        Span<Vector<float>> wv = MemoryMarshal.Cast<float, Vector<float>>(w[..whole]);
        ReadOnlySpan<Vector<float>> gv = MemoryMarshal.Cast<float, Vector<float>>(g[..whole]);
        Span<Vector<float>> mv = MemoryMarshal.Cast<float, Vector<float>>(m[..whole]);
        Span<Vector<float>> vv = MemoryMarshal.Cast<float, Vector<float>>(v[..whole]);
        var step = new Vector<float>(rate);
        var small = new Vector<float>(Epsilon);
        for (int i = 0; i < wv.Length; i++)
        {
            Vector<float> grad = gv[i];
            Vector<float> first = mv[i] + ((1 - Beta1) * (grad - mv[i]));
            Vector<float> second = vv[i] + ((1 - Beta2) * ((grad * grad) - vv[i]));
            (mv[i], vv[i]) = (first, second);
            wv[i] = wv[i] - (step * first / (Vector.SquareRoot(second) + small));
        }
        for (int i = whole; i < w.Length; i++)
        {
            m[i] += (1 - Beta1) * (g[i] - m[i]);
            v[i] += (1 - Beta2) * ((g[i] * g[i]) - v[i]);
            w[i] -= rate * m[i] / (MathF.Sqrt(v[i]) + Epsilon);
        }
    }
}
