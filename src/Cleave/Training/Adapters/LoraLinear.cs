using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;
using Cleave.Numerics.Threading;

namespace Cleave.Training.Adapters;

/// <summary>
/// LoRA: y = x·Wᵀ + b + s·drop(x)·Aᵀ·Bᵀ with a frozen W. With a magnitude m it is DoRA: y = m / ‖W + s·B·A‖ · (x·Wᵀ + s·drop(x)·Aᵀ·Bᵀ) + b, with the
/// norms of rows, which no gradient reaches (as the paper proposes in section 4.3). A row of zeros has no direction: it gives b alone, whatever its
/// magnitude, and nothing of it is trained.
/// </summary>
public sealed class LoraLinear : AdaptedLinear
{
    private readonly Linear _bare;

    /// <param name="a">(r, inputs); may be shared with others that read the same input.</param>
    /// <param name="b">(outputs, r)</param>
    /// <param name="magnitude">(1, outputs), or null for plain LoRA.</param>
    public LoraLinear(Linear original, Tensor a, Tensor b, double scale, Tensor? magnitude = null) : base(original)
    {
        ArgumentNullException.ThrowIfNull(original);
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.Columns != original.Inputs || b.Rows != original.Outputs || a.Rows != b.Columns || magnitude is not null && magnitude.Length != original.Outputs)
            throw new ArgumentException($"an adapter of {a.Shape} and {b.Shape} for a matrix of ({original.Outputs}, {original.Inputs})");
        (A, B, Scale, Magnitude) = (a, b, (float)scale, magnitude);
        _bare = magnitude is null ? original : original.WithBias(null);
    }

    public Tensor A { get; }
    public Tensor B { get; }

    /// <summary>m of DoRA.</summary>
    public Tensor? Magnitude { get; }

    /// <summary>s</summary>
    public float Scale { get; }

    public int Rank => A.Rows;

    /// <summary>Dropout of what the adapter reads, and which adapter this is.</summary>
    internal (TrainingNoise Noise, int Index)? Noise { get; set; }

    public override Tensor? Bias => Original.Bias;

    public override Linear WithBias(Tensor? bias) => new LoraLinear(Original.WithBias(bias), A, B, Scale, Magnitude) { Noise = Noise };

    public override IEnumerable<(string Name, Tensor Tensor)> Parameters =>
        Magnitude is null ? [("lora_A.weight", A), ("lora_B.weight", B)] : [("lora_A.weight", A), ("lora_B.weight", B), ("lora_magnitude_vector", Magnitude)];

    public override Tensor Forward(Tape tape, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(tape);
        Tensor read = Noise is ({ Active: true, Adapters: > 0 } noise, var index) ? Op.Dropout(tape, x, noise.Adapters, noise.Draw(index, 0)) : x;
        Tensor added = Op.Scale(tape, Op.Linear(tape, Op.Linear(tape, read, A), B), Scale);
        if (Magnitude is null)
            return Op.Add(tape, Original.Forward(tape, x), added);
        Tensor norms = tape.New(1, Outputs);
        CopyNorms(norms);
        return Op.ScaleColumns(tape, Op.Add(tape, _bare.Forward(tape, x), added), Magnitude, norms, Bias);
    }

    public override void CopyRow(int row, Span<float> destination)
    {
        CopyAdded(row, destination);
        if (Magnitude is not null && Math.Sqrt(VectorMath.SumOfSquares(destination)) is > 0 and var norm) // a row of zeros stays one
            VectorMath.Scale(destination, (float)(Magnitude.Data[row] / norm));
    }

    /// <summary>‖W + s·B·A‖ of every row, (1, outputs).</summary>
    internal Tensor Norms()
    {
        Tensor norms = Tensor.Parameter(1, Outputs);
        CopyNorms(norms);
        return norms;
    }

    private void CopyNorms(Tensor norms)
    {
        var part = new NormPart { Linear = this, Norms = norms };
        ThreadTeam.Current.Run(Outputs, ref part);
    }

    // A row of W + s·B·A.
    private void CopyAdded(int row, Span<float> destination)
    {
        Original.CopyRow(row, destination);
        for (int k = 0; k < Rank; k++)
            VectorMath.AddScaled(destination, A.Data.Slice(k * Inputs, Inputs), Scale * B.Data[row * Rank + k]);
    }

    private struct NormPart : IPart
    {
        public LoraLinear Linear;
        public Tensor Norms;

        public readonly void Invoke(int part)
        {
            float[] row = System.Buffers.ArrayPool<float>.Shared.Rent(Linear.Inputs);
            Span<float> own = row.AsSpan(0, Linear.Inputs);
            Linear.CopyAdded(part, own);
            Norms.Data[part] = (float)Math.Sqrt(VectorMath.SumOfSquares(own));
            System.Buffers.ArrayPool<float>.Shared.Return(row);
        }
    }

    /// <summary>The norms of a matrix's rows: where DoRA's magnitude begins.</summary>
    internal static Tensor RowNorms(Linear linear)
    {
        Tensor norms = Tensor.Parameter(1, linear.Outputs);
        var row = new float[linear.Inputs];
        for (int r = 0; r < linear.Outputs; r++)
        {
            linear.CopyRow(r, row);
            norms.Data[r] = (float)Math.Sqrt(VectorMath.SumOfSquares(row));
        }
        return norms;
    }
}
