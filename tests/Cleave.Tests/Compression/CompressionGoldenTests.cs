using System.Text.Json;
using Cleave.Compression.Calibration;
using Cleave.Compression.Pruning;
using Cleave.Compression.Quantization;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;

namespace Cleave.Tests.Compression;

/// <summary>The algorithms against NumPy in double precision (Golden/compression/make.py).</summary>
public class CompressionGoldenTests
{
    private const int Rows = 4, N = 288, Tokens = 700;
    private static readonly JsonElement Golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "compression", "compression.json"))).RootElement;
    private static readonly float[] W = [.. Uniform(Rows * N, 1).Select(v => (float)v)];
    private static readonly double[] X = Activations();
    private static readonly double[] H = Products();

    [Fact]
    public void Magnitude_removes_the_smallest_of_the_matrix()
    {
        float[] w = [.. W];
        ScoredMask.Apply(w, N, [], new SparsityPattern(0.5), byRow: false);
        Assert.Equal(Golden.GetProperty("magnitude").GetString(), Zeros(w));
    }

    [Fact]
    public void Wanda_weighs_weights_with_their_inputs()
    {
        float[] w = [.. W];
        ScoredMask.Apply(w, N, [.. Enumerable.Range(0, N).Select(i => Math.Sqrt(H[i * N + i]))], new SparsityPattern(0.5), byRow: true);
        Assert.Equal(Golden.GetProperty("wanda").GetString(), Zeros(w));
    }

    [Theory]
    [InlineData("sparsegpt", null)]
    [InlineData("sparsegpt_2_4", "2:4")]
    public void SparseGpt_removes_and_makes_good(string name, string? pattern)
    {
        float[] w = [.. W];
        SparseGpt.Prune(w, Rows, N, H, pattern is null ? new SparsityPattern(0.5) : SparsityPattern.Parse(pattern), CancellationToken.None);
        AssertClose(name, w);
    }

    [Fact]
    public void Gptq_makes_good_what_rounding_changes()
    {
        using QuantizedMatrix q = Gptq.Quantize(BlockFormat.Q4_0, W, Rows, N, H, weighted: false, CancellationToken.None);
        var w = new float[W.Length];
        q.Dequantize(w);
        AssertClose("gptq", w);
    }

    [Fact]
    public void Awq_finds_the_same_factors()
    {
        ChannelGroup group = Group();
        double[] factors = ChannelScales.Awq(group, Statistics(), _ => BlockFormat.Q8_0);
        Assert.InRange(Golden.GetProperty("awq_step").GetInt32(), 1, 20); // or the case would say nothing
        AssertClose("awq", [.. factors.Select(f => (float)f)]);
    }

    [Fact]
    public void SmoothQuant_finds_the_same_factors() => AssertClose("smooth", [.. ChannelScales.Smooth(Group(), Statistics()).Select(f => (float)f)]);

    [Fact]
    public void Eigenvectors_rebuild_the_matrix_and_eigenvalues_are_Lapacks()
    {
        (double[] values, double[] vectors) = SymmetricEigen.Of(H, N);
        double[] expected = Numbers("eigenvalues");
        for (int i = 0; i < N; i++)
            Assert.Equal(expected[i], values[i], 1e-7 * expected[0]);
        foreach ((int i, int j) in ((int, int)[])[(0, 0), (3, 200), (287, 287), (17, 34)])
        {
            double sum = 0, product = 0;
            for (int k = 0; k < N; k++)
            {
                sum += values[k] * vectors[k * N + i] * vectors[k * N + j];
                product += vectors[i * N + k] * vectors[j * N + k];
            }
            Assert.Equal(H[i * N + j], sum, 1e-9);
            Assert.Equal(i == j ? 1 : 0, product, 1e-10);
        }
    }

    [Fact]
    public void Statistics_of_activations_are_their_sums()
    {
        InputStatistics statistics = Statistics();
        Assert.Equal(Tokens, statistics.Tokens);
        double[] hessian = statistics.Hessian();
        for (int i = 0; i < N; i++)
        {
            Assert.Equal(H[i * N + i], hessian[i * N + i], 1e-4 * H[i * N + i]);
            Assert.Equal(H[i * N + i], statistics.MeanSquares()[i], 1e-6 * H[i * N + i]);
            Assert.Equal(Enumerable.Range(0, Tokens).Max(t => Math.Abs(X[t * N + i])), statistics.Largest[i], 1e-6);
            Assert.Equal(hessian[i], hessian[i * N]);
        }
        Assert.Equal(Enumerable.Range(0, Tokens).Average(t => Math.Abs(X[t * N + 5])), statistics.MeanSizes()[5], 1e-6);
    }

    private static ChannelGroup Group() => new([("w", new DenseLinear(Tensor.From(W, Rows, N)))], N, i => i, FromNorm: true, _ => { });

    private static InputStatistics Statistics()
    {
        var statistics = new InputStatistics(N, products: true);
        using var tape = new Tape(records: false);
        statistics.Add(tape.Copy(Array.ConvertAll(X, x => (float)x), Tokens, N));
        return statistics;
    }

    private static void AssertClose(string name, float[] actual)
    {
        double[] expected = Numbers(name);
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= 2e-6 * Math.Max(1, Math.Abs(expected[i])), $"{name}[{i}]: {actual[i]} instead of {expected[i]}");
    }

    private static double[] Numbers(string name) => [.. Golden.GetProperty(name).EnumerateArray().Select(v => v.GetDouble())];

    private static string Zeros(float[] w) => string.Concat(w.Select(v => v == 0 ? '1' : '0'));

    private static double[] Uniform(int count, ulong seed)
    {
        var values = new double[count];
        ulong state = seed;
        for (int i = 0; i < count; i++)
        {
            state = state * 6364136223846793005 + 1442695040888963407;
            values[i] = (state >> 40) / (double)(1 << 24) - 0.5;
        }
        return values;
    }

    private static double[] Activations()
    {
        double[] x = Uniform(Tokens * N, 2);
        for (int t = 0; t < Tokens; t++)
        {
            for (int i = 0; i < N; i++)
                x[t * N + i] = x[t * N + i] * (i % 17 == 0 ? 5 : 1) + (i > 0 ? 0.6 * x[t * N + i - 1] : 0);
        }
        return x;
    }

    private static double[] Products()
    {
        var h = new double[N * N];
        for (int t = 0; t < Tokens; t++)
        {
            for (int i = 0; i < N; i++)
                DenseMath.AddScaled(h.AsSpan(i * N, N), X[t * N + i] / Tokens, X.AsSpan(t * N, N));
        }
        return h;
    }
}
