using Cleave.Numerics.Kernels;

namespace Cleave.Tests.Numerics.Kernels;

public class NormAndActivationTests
{
    private static readonly (int Rows, int Columns)[] Shapes =
        [.. Enumerable.Range(1, 36).Select(c => (3, c)), (0, 4), (1, 300), (50, 64), (200, 100)];

    [Fact]
    public void RmsNorm_matches_its_formula() => Variants.Each(where =>
    {
        foreach ((int rows, int columns) in Shapes)
        {
            float[] x = Reference.Random(rows * columns, 1), w = Reference.Random(columns, 2), y = new float[x.Length], inverse = new float[rows];
            RmsNorm.Forward(x, w, 1e-5f, y, inverse, rows, columns);
            var expected = new double[x.Length];
            for (int r = 0; r < rows; r++)
            {
                double scale = Inverse(x, r, columns);
                Assert.Equal(scale, inverse[r], scale * 1e-6);
                for (int c = 0; c < columns; c++)
                    expected[r * columns + c] = w[c] * x[r * columns + c] * scale;
            }
            Reference.Close(expected, y, Bounds.RowWise, $"{where}({rows},{columns})");
        }
    });

    // x·Φ(x) from Python's math.erf.
    private static readonly (double X, double Gelu)[] GeluValues =
    [
        (-9, 0), (-4, -0.00012668496733247991), (-2.5, -0.015524163314440398), (-1, -0.15865525393145707), (-0.3, -0.1146265733433142),
        (-0.001, -0.000499601057786089), (0, 0), (0.001, 0.000500398942213911), (0.3, 0.18537342665668577), (1, 0.8413447460685429),
        (2.5, 2.4844758366855597), (4, 3.9998733150326675), (9, 9),
    ];

    [Fact]
    public void Activations_match_their_formulas() => Variants.EachSet(where =>
    {
        float[] x = [.. GeluValues.Select(v => (float)v.X), -60, 60], y = new float[x.Length];
        double Tanh(float v) => 0.5 * v * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + 0.044715 * Math.Pow(v, 3))));
        Activations.Forward(Activation.Gelu, x, y);
        Reference.Close([.. GeluValues.Select(v => v.Gelu), 0, 60], y, 5e-7, where + "gelu");
        Activations.Forward(Activation.GeluTanh, x, y);
        Reference.Close([.. x.Select(Tanh)], y, 5e-7, where + "tanh");
        Activations.Forward(Activation.Silu, x, y);
        Reference.Close([.. x.Select(v => v / (1 + Math.Exp(-v)))], y, 5e-7, where + "silu");
        Activations.Forward(Activation.Relu, x, y);
        Reference.Close([.. x.Select(v => Math.Max(0.0, v))], y, 1e-12, where + "relu");
        Activations.Backward(Activation.Relu, x, x, y);
        Reference.Close([.. x.Select(v => Math.Max(0.0, v))], y, 1e-12, where + "relu slope");
    });

    [Fact]
    public void LayerNorm_matches_its_formula() => Variants.Each(where =>
    {
        foreach ((int rows, int columns) in Shapes)
        {
            float[] x = Reference.Random(rows * columns, 1), w = Reference.Random(columns, 2), b = Reference.Random(columns, 3), y = new float[x.Length];
            LayerNorm.Forward(x, w, b, 1e-5f, y, new float[2 * rows], rows, columns);
            double[] expected = [.. x.Select((v, i) =>
            {
                double[] row = [.. x[(i / columns * columns)..(i / columns * columns + columns)].Select(e => (double)e)];
                double mean = row.Average(), variance = row.Average(e => (e - mean) * (e - mean));
                return (v - mean) / Math.Sqrt(variance + 1e-5) * w[i % columns] + b[i % columns];
            })];
            Reference.Close(expected, y, 2e-6, $"{where}({rows},{columns})");
        }
    });

    [Fact]
    public void RmsNorm_backward_adds_the_gradient_formula() => Variants.Each(where =>
    {
        foreach ((int rows, int columns) in Shapes)
        {
            float[] x = Reference.Random(rows * columns, 1), w = Reference.Random(columns, 2), dy = Reference.Random(x.Length, 3);
            float[] y = new float[x.Length], inverse = new float[rows], dx = Reference.Random(x.Length, 4), dw = Reference.Random(columns, 5);
            RmsNorm.Forward(x, w, 1e-5f, y, inverse, rows, columns);
            double[] expectedX = [.. dx.Select(v => (double)v)], expectedW = [.. dw.Select(v => (double)v)];
            for (int r = 0; r < rows; r++)
            {
                double s = Inverse(x, r, columns), dot = 0;
                for (int c = 0, i = r * columns; c < columns; c++, i++)
                    dot += (double)dy[i] * w[c] * x[i];
                for (int c = 0, i = r * columns; c < columns; c++, i++)
                {
                    expectedX[i] += s * ((double)dy[i] * w[c] - x[i] * s * s * dot / columns);
                    expectedW[c] += dy[i] * x[i] * s;
                }
            }
            RmsNorm.Backward(dy, x, w, inverse, dx, dw, rows, columns);
            Reference.Close(expectedX, dx, 2e-6, $"{where}dx ({rows},{columns})");
            Reference.Close(expectedW, dw, 2e-6, $"{where}dWeight ({rows},{columns})");
            RmsNorm.Backward(dy, x, w, inverse, dx, [], rows, columns); // a frozen weight
        }
    });

    [Fact]
    public void RmsNorm_gradient_agrees_with_differences() => Variants.EachSet(where =>
    {
        const int Rows = 2, Columns = 11;
        float[] x = Reference.Random(Rows * Columns, 1), w = Reference.Random(Columns, 2), dy = Reference.Random(x.Length, 3);
        float[] y = new float[x.Length], inverse = new float[Rows], dx = new float[x.Length], dw = new float[Columns];
        RmsNorm.Forward(x, w, 1e-5f, y, inverse, Rows, Columns);
        RmsNorm.Backward(dy, x, w, inverse, dx, dw, Rows, Columns);
        double Loss(double[] px, double[] pw)
        {
            double total = 0;
            for (int r = 0; r < Rows; r++)
            {
                double s = Inverse(px, r, Columns);
                for (int c = 0, i = r * Columns; c < Columns; c++, i++)
                    total += dy[i] * pw[c] * px[i] * s;
            }
            return total;
        }
        double[] dx0 = [.. x.Select(v => (double)v)], dw0 = [.. w.Select(v => (double)v)];
        Reference.Gradient(p => Loss(p, dw0), x, dx, 1e-5, where + "dx");
        Reference.Gradient(p => Loss(dx0, p), w, dw, 1e-5, where + "dWeight");
    });

    [Fact]
    public void RmsNorm_threads_do_not_change_a_bit() => Variants.SameOnAnyThreads(() =>
    {
        const int Rows = 300, Columns = 96;
        float[] x = Reference.Random(Rows * Columns, 1), w = Reference.Random(Columns, 2), dx = new float[x.Length], dw = new float[Columns];
        float[] inverse = new float[Rows], y = new float[x.Length];
        RmsNorm.Forward(x, w, 1e-5f, y, inverse, Rows, Columns);
        RmsNorm.Backward(y, x, w, inverse, dx, dw, Rows, Columns);
        return [.. dx, .. dw];
    });

    [Fact]
    public void SwiGlu_and_its_gradient_match() => Variants.Each(where =>
    {
        foreach (int n in Enumerable.Range(0, 40).Append(30_001))
        {
            float[] gate = Reference.Random(n, 1, 4), up = Reference.Random(n, 2), dy = Reference.Random(n, 3), y = new float[n];
            SwiGlu.Forward(gate, up, y);
            float[] dGate = new float[n], dUp = new float[n];
            SwiGlu.Backward(dy, gate, up, dGate, dUp);
            double[] ey = new double[n], eg = new double[n], eu = new double[n];
            const double H = 1e-5;
            for (int i = 0; i < n; i++)
            {
                static double Silu(double g) => g / (1 + Math.Exp(-g));
                ey[i] = Silu(gate[i]) * up[i];
                eu[i] = Silu(gate[i]) * dy[i];
                eg[i] = (Silu(gate[i] + H) - Silu(gate[i] - H)) / (2 * H) * up[i] * dy[i];
            }
            Reference.Close(ey, y, Bounds.RowWise, where + "y");
            Reference.Close(eu, dUp, Bounds.RowWise, where + "dUp");
            Reference.Close(eg, dGate, Bounds.RowWise, where + "dGate");
        }
    });

    [Fact]
    public void SwiGlu_survives_extreme_gates() => Variants.EachSet(_ =>
    {
        float[] y = new float[2];
        SwiGlu.Forward([1000, -1000], [2, 3], y);
        Reference.Close([2000, 0], y, 1e-30);
    });

    [Fact]
    public void AdamW_matches_its_formula_over_steps() => Variants.Each(where =>
    {
        foreach (int n in Enumerable.Range(0, 20).Append(20_003))
        {
            float[] p = Reference.Random(n, 1), m = new float[n], v = new float[n];
            double[] ep = [.. p.Select(x => (double)x)], em = new double[n], ev = new double[n];
            for (int step = 1; step <= 3; step++)
            {
                float[] g = Reference.Random(n, (ulong)(10 + step));
                AdamW.Update(p, g, m, v, 0.01f, 0.9f, 0.999f, 1e-8f, 0.1f, step, 0.5f);
                for (int i = 0; i < n; i++)
                {
                    double gi = g[i] * 0.5;
                    ep[i] *= 1 - 0.01 * 0.1;
                    em[i] = 0.9 * em[i] + 0.1 * gi;
                    ev[i] = 0.999 * ev[i] + 0.001 * gi * gi;
                    ep[i] -= 0.01 * (em[i] / (1 - Math.Pow(0.9, step))) / (Math.Sqrt(ev[i] / (1 - Math.Pow(0.999, step))) + 1e-8);
                }
            }
            Reference.Close(ep, p, Bounds.RowWise, where + "parameter");
            Reference.Close(em, m, Bounds.RowWise, where + "m");
            Reference.Close(ev, v, Bounds.RowWise, where + "v");
        }
    });

    private static double Inverse(float[] x, int row, int columns) => Inverse([.. x.Select(v => (double)v)], row, columns);

    private static double Inverse(double[] x, int row, int columns)
    {
        double squares = 0;
        for (int c = 0; c < columns; c++)
            squares += x[row * columns + c] * x[row * columns + c];
        return 1 / Math.Sqrt(squares / columns + 1e-5f);
    }
}
