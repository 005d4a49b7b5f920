using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>Brings a matrix's singular values near to 1 while its singular vectors stay: the heart of Muon (Jordan et al., 2024).</summary>
public static unsafe class NewtonSchulz
{
    // The quintic whose slope at 0 is largest: singular values end between about 0.7 and 1.2.
    private const float A = 3.4445f, B = -4.7750f, C = 2.0315f, SmallestNorm = 1e-7f;

    /// <summary>
    /// X = X / ‖X‖, then <paramref name="steps"/> times X = aX + (bG + cG²)X with the Gram matrix G of the shorter side, in float32.
    /// </summary>
    /// <param name="x">(rows, columns), in place.</param>
    public static void Orthogonalize(Span<float> x, int rows, int columns, int steps = 5)
    {
        Guard.Length(x.Length, (long)rows * columns, nameof(x));
        if (x.IsEmpty)
            return;
        VectorMath.Scale(x, (float)(1 / Math.Max(Math.Sqrt(VectorMath.SumOfSquares(x)), SmallestNorm)));
        bool tall = rows > columns;
        int side = Math.Min(rows, columns), square = side * side;
        using Scratch scratch = Scratch.Rent(2L * square + x.Length);
        Span<float> gram = new(scratch.Pointer, square), power = new(scratch.Pointer + square, square), next = new(scratch.Pointer + 2 * (nint)square, x.Length);
        for (int step = 0; step < steps; step++)
        {
            MatMul.Multiply(x, columns, tall, x, columns, !tall, gram, side, side, side, tall ? rows : columns);
            MatMul.Multiply(gram, side, false, gram, side, false, power, side, side, side, side);
            VectorMath.ScaleAndAdd(power, C, gram, B);
            if (tall)
                MatMul.Multiply(x, columns, false, power, side, false, next, columns, rows, columns, side);
            else
                MatMul.Multiply(power, side, false, x, columns, false, next, columns, rows, columns, side);
            VectorMath.ScaleAndAdd(x, A, next, 1);
        }
    }
}
