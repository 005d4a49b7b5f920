namespace Cleave.Numerics.Simd;

/// <summary>The vector instructions a kernel is written for.</summary>
public enum InstructionSet
{
    /// <summary>Plain C#, one number at a time: the readable reference.</summary>
    Scalar,
    /// <summary>128-bit vectors: AdvSimd on Arm64, SSE with fused multiply-add where there is one on x86.</summary>
    Vector128,
    /// <summary>256-bit vectors with fused multiply-add (x86-64-v3).</summary>
    Avx2,
    /// <summary>512-bit vectors (x86-64-v4).</summary>
    Avx512,
}
