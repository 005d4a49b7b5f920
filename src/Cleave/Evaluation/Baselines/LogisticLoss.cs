using Cleave.Numerics.Kernels;
using Cleave.Numerics.Threading;

namespace Cleave.Evaluation.Baselines;

/// <summary>
/// f(W, b) = C·Σ CE(softmax(X·W + b), y) + ½‖W‖², and its gradient. W is (columns, outputs) and b the row after
/// it, not penalised. Two classes have one output, the second class's logit, the other being zero, as in
/// scikit-learn. Threads share rows, then columns; the sums' order does not depend on them.
/// </summary>
internal sealed class LogisticLoss(SparseMatrix x, IReadOnlyList<int> labels, int classes, double c)
{
    private const int PartRows = 64;

    private readonly SparseMatrix _columns = x.Transpose();
    private readonly float[] _residuals = new float[checked(x.Rows * Outputs(classes))];
    private readonly double[] _losses = new double[x.Rows];
    private float[] _w = [], _gradient = [];

    public static int Outputs(int classes) => classes == 2 ? 1 : classes;

    public int Parameters => checked((x.Columns + 1) * Outputs(classes));

    public double Evaluate(float[] w, float[] gradient)
    {
        (_w, _gradient) = (w, gradient);
        int outputs = Outputs(classes);
        // Below this a job is over before a second thread has woken.
        bool alone = (long)x.Value.Length * outputs < 1 << 18;
        Run(new RowsPart(this), (x.Rows + PartRows - 1) / PartRows, alone);
        Run(new ColumnsPart(this), (x.Columns + PartRows - 1) / PartRows, alone);
        Span<float> bias = gradient.AsSpan(x.Columns * outputs, outputs);
        bias.Clear();
        for (int row = 0; row < x.Rows; row++)
            VectorMath.AddInPlace(bias, _residuals.AsSpan(row * outputs, outputs));
        return (c * _losses.Sum()) + (0.5 * VectorMath.SumOfSquares(w.AsSpan(0, x.Columns * outputs)));
    }

    private void Row(int row)
    {
        int outputs = Outputs(classes);
        Span<float> z = _residuals.AsSpan(row * outputs, outputs);
        _w.AsSpan(x.Columns * outputs, outputs).CopyTo(z);
        for (int i = x.Start[row]; i < x.Start[row + 1]; i++)
            VectorMath.AddScaled(z, _w.AsSpan(x.Column[i] * outputs, outputs), x.Value[i]);
        if (outputs > 1)
        {
            _losses[row] = CrossEntropy.ForwardBackward(z, labels[row], 0, (float)c);
            return;
        }
        double margin = labels[row] == 1 ? z[0] : -z[0];
        _losses[row] = Math.Max(0, -margin) + Math.Log(1 + Math.Exp(-Math.Abs(margin)));
        z[0] = (float)(c * ((1 / (1 + Math.Exp(-(double)z[0]))) - labels[row]));
    }

    private void Column(int column)
    {
        int outputs = Outputs(classes);
        Span<float> g = _gradient.AsSpan(column * outputs, outputs);
        _w.AsSpan(column * outputs, outputs).CopyTo(g);
        for (int i = _columns.Start[column]; i < _columns.Start[column + 1]; i++)
            VectorMath.AddScaled(g, _residuals.AsSpan(_columns.Column[i] * outputs, outputs), _columns.Value[i]);
    }

    private static void Run<TBody>(TBody body, int parts, bool alone) where TBody : struct, IPart
    {
        if (!alone)
        {
            ThreadTeam.Current.Run(parts, ref body);
            return;
        }
        for (int part = 0; part < parts; part++)
            body.Invoke(part);
    }

    private readonly struct RowsPart(LogisticLoss loss) : IPart
    {
        public void Invoke(int part) => loss.EachRow(part);
    }

    private readonly struct ColumnsPart(LogisticLoss loss) : IPart
    {
        public void Invoke(int part) => loss.EachColumn(part);
    }

    private void EachRow(int part)
    {
        for (int row = part * PartRows; row < Math.Min(x.Rows, (part + 1) * PartRows); row++)
            Row(row);
    }

    private void EachColumn(int part)
    {
        for (int column = part * PartRows; column < Math.Min(x.Columns, (part + 1) * PartRows); column++)
            Column(column);
    }
}
