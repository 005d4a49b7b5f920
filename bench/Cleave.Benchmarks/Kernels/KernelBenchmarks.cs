using BenchmarkDotNet.Attributes;
using Cleave.Benchmarks.Limits;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Quantized;

namespace Cleave.Benchmarks.Kernels;

/// <summary>Products of float32 with float32, bfloat16 and float16 weights.</summary>
[MemoryDiagnoser]
public class MatMulBenchmarks
{
    private float[] _a = [], _b = [], _c = [];
    private ushort[] _half = [];

    /// <summary>Rows of the left operand: one token, a batch, a prompt.</summary>
    [Params(1, 8, 512)]
    public int M { get; set; }

    [Params(576, 2048)]
    public int Width { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        (_a, _b, _c) = (RandomFloats.Of(M * Width), RandomFloats.Of(Width * Width), new float[M * Width]);
        _half = new ushort[_b.Length];
        Conversion.FloatToBFloat16(_b, _half);
    }

    [Benchmark(Baseline = true)]
    public void Float32() => MatMul.Multiply(_a, Width, false, _b, Width, true, _c, Width, M, Width, Width);

    [Benchmark]
    public void BFloat16() => MatMul.Multiply(_a, Width, false, _half, HalfFormat.BFloat16, Width, true, _c, Width, M, Width, Width);

    [Benchmark]
    public void Float16() => MatMul.Multiply(_a, Width, false, _half, HalfFormat.Float16, Width, true, _c, Width, M, Width, Width);
}

/// <summary>Products with weights in GGUF's blocks.</summary>
[MemoryDiagnoser]
public class QuantizedBenchmarks
{
    private float[] _x = [], _y = [];
    private QuantizedMatrix? _weights;

    [Params(BlockFormat.Q8_0, BlockFormat.Q4_0)]
    public BlockFormat Format { get; set; }

    [Params(1, 8, 512)]
    public int M { get; set; }

    [Params(576, 2048)]
    public int Width { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        (_x, _y) = (RandomFloats.Of(M * Width), new float[M * Width]);
        _weights = QuantizedMatrix.Quantize(Format, RandomFloats.Of(Width * Width), Width, Width);
    }

    [GlobalCleanup]
    public void Cleanup() => _weights?.Dispose();

    [Benchmark]
    public void MultiplyTransposed() => _weights!.MultiplyTransposed(_x, M, _y);
}

/// <summary>Attention of one new token, and of a training batch forward.</summary>
[MemoryDiagnoser]
public class AttentionBenchmarks
{
    private const int Heads = 9, KvHeads = 3, Size = 64;

    private float[] _q = [], _y = [];
    private KeyValuePages? _pages;

    [Params(KeyValueFormat.Float16, KeyValueFormat.Int8)]
    public KeyValueFormat Format { get; set; }

    [Params(128, 2048, 32768)]
    public int Positions { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        (_q, _y) = (RandomFloats.Of(Heads * Size), new float[Heads * Size]);
        _pages = DecodeTable.Pages(KvHeads, Size, Positions, Format);
    }

    [GlobalCleanup]
    public void Cleanup() => _pages?.Dispose();

    [Benchmark]
    public void Decode() => Attention.Decode(_q, [_pages!], 0, Heads, _y);
}
