using Cleave.Numerics;

namespace Cleave.Compression.Calibration;

/// <summary>
/// U, upper triangular, with UᵀU = (H + λI)⁻¹ and λ a share of H's mean diagonal: row i of U says how the error of input i is made
/// good by the inputs behind it (Frantar et al., 2022, GPTQ).
/// </summary>
internal static class InverseFactor
{
    public const double Damping = 0.01;

    /// <param name="hessian">(n, n), symmetric, with a positive diagonal sum.</param>
    /// <exception cref="CleaveException">H is not positive definite, however much is added.</exception>
    public static double[] Of(ReadOnlySpan<double> hessian, int n, double damping = Damping)
    {
        double mean = 0;
        for (int i = 0; i < n; i++)
            mean += hessian[i * n + i] / n;
        for (double share = damping; share <= 100; share *= 10)
        {
            // Factoring the matrix with its order turned round and turning the result gives the upper factor of the inverse at once.
            var turned = new double[n * n];
            for (int i = 0; i < n; i++)
            {
                for (int j = 0; j <= i; j++)
                    turned[i * n + j] = hessian[(n - 1 - i) * n + n - 1 - j] / mean + (i == j ? share : 0);
            }
            if (!DenseMath.Cholesky(turned, n))
                continue;
            var inverse = new double[n * n];
            DenseMath.InvertLower(turned, n, inverse);
            double scale = 1 / Math.Sqrt(mean);
            var upper = new double[n * n];
            for (int i = 0; i < n; i++)
            {
                for (int j = i; j < n; j++)
                    upper[i * n + j] = scale * inverse[(n - 1 - i) * n + n - 1 - j];
            }
            return upper;
        }
        throw new CleaveException("the calibration's statistics cannot be inverted: its activations are not finite or all alike; give another text");
    }
}
