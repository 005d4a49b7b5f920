using Cleave.Models.Blocks;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Adapters;

/// <summary>
/// A frozen matrix with what several adapters put beside it: one product for all rows, and for each adapter what it adds to its own rows.
/// For inference; rows that no adapter has are the matrix's own.
/// </summary>
/// <param name="parts">By the number of the adapter; null where it leaves this matrix alone.</param>
internal sealed class BankedLinear(Linear original, AdaptedLinear?[] parts) : Linear
{
    // ‖W + s·B·A‖ of every row, by adapter: it never changes again.
    private readonly Tensor?[] _norms = [.. parts.Select(p => p is LoraLinear { Magnitude: not null } dora ? dora.Norms() : null)];

    public override int Inputs => original.Inputs;
    public override int Outputs => original.Outputs;
    public override long Bytes => original.Bytes + parts.Sum(p => p is null ? 0 : p.Bytes - original.Bytes);
    public override Tensor? Bias => original.Bias;

    public override Linear WithBias(Tensor? bias) => new BankedLinear(original.WithBias(bias), parts);

    public override void CopyRow(int row, Span<float> destination) => original.CopyRow(row, destination);

    public override Tensor Forward(Tape tape, Tensor x)
    {
        List<AdapterRows> owners = AdapterBank.Owners;
        Tensor y = original.Forward(tape, WithScaledInputs(tape, x, owners));
        foreach (AdapterRows owner in owners)
        {
            if (parts[owner.Adapter] is LoraLinear lora)
                Add(tape, lora, _norms[owner.Adapter], x, y, owner.Rows);
            else if (parts[owner.Adapter] is Ia3Linear { OfInputs: false } ia3)
                Scale(y, ia3.Factors, owner.Rows);
        }
        return y;
    }

    private Tensor WithScaledInputs(Tape tape, Tensor x, List<AdapterRows> owners)
    {
        Tensor read = x;
        foreach (AdapterRows owner in owners)
        {
            if (parts[owner.Adapter] is not Ia3Linear { OfInputs: true } ia3)
                continue;
            if (ReferenceEquals(read, x))
            {
                read = tape.New(x.Rows, x.Columns);
                x.Data.CopyTo(read.Data);
            }
            Scale(read, ia3.Factors, owner.Rows);
        }
        return read;
    }

    private static void Scale(Tensor x, Tensor factors, List<int> rows)
    {
        foreach (int row in rows)
        {
            Span<float> own = x.Data.Slice(row * x.Columns, x.Columns);
            VectorMath.Multiply(own, factors.Data, own);
        }
    }

    // LoRA: y += s·x·Aᵀ·Bᵀ; DoRA: y = m / norm · (y − b + s·x·Aᵀ·Bᵀ) + b.
    private void Add(Tape tape, LoraLinear lora, Tensor? norms, Tensor x, Tensor y, List<int> rows)
    {
        Tensor own = tape.New(rows.Count, Inputs);
        for (int i = 0; i < rows.Count; i++)
            x.Data.Slice(rows[i] * Inputs, Inputs).CopyTo(own.Data[(i * Inputs)..]);
        Tensor added = Op.Linear(tape, Op.Linear(tape, own, lora.A), lora.B);
        for (int i = 0; i < rows.Count; i++)
        {
            Span<float> row = y.Data.Slice(rows[i] * Outputs, Outputs);
            VectorMath.AddScaled(row, added.Data.Slice(i * Outputs, Outputs), lora.Scale);
            if (norms is null)
                continue;
            for (int o = 0; o < row.Length; o++)
            {
                float bias = Bias is null ? 0 : Bias.Data[o];
                row[o] = norms.Data[o] == 0 ? bias : (row[o] - bias) * lora.Magnitude!.Data[o] / norms.Data[o] + bias; // a row of zeros has no direction
            }
        }
    }
}
