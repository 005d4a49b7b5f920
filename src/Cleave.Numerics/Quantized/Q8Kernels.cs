using System.Runtime.Intrinsics.X86;

namespace Cleave.Numerics.Quantized;

/// <summary>How a Q8_0 matrix is packed and multiplied.</summary>
internal enum Q8Kernel
{
    /// <summary><see cref="Q8Format"/>.</summary>
    Wide,

    /// <summary><see cref="Q8DotFormat{TDot}"/>.</summary>
    Dot,

    /// <summary>The same without the instruction that makes it fast.</summary>
    EmulatedDot,
}

/// <summary>Which of them new matrices get.</summary>
internal static class Q8Kernels
{
    [ThreadStatic]
    private static Q8Kernel? _forced;

    public static Q8Kernel Active => _forced ?? (AvxVnni.IsSupported ? Q8Kernel.Dot : Q8Kernel.Wide);

    /// <summary>Makes matrices that this thread packs use a kernel until the scope is disposed.</summary>
    public static Scope Force(Q8Kernel kernel)
    {
        var scope = new Scope(_forced);
        _forced = kernel;
        return scope;
    }

    public readonly ref struct Scope(Q8Kernel? before)
    {
        public void Dispose() => _forced = before;
    }
}
