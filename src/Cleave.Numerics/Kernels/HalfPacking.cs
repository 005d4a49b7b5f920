using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Kernels;

/// <summary>As <see cref="Packing"/>, from sixteen-bit elements to panels of float32.</summary>
internal static unsafe class HalfPacking
{
    /// <summary>Strips along the rows: element (p, i) of the first is source[p · stride + i]; each panel is k · width long.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Along<TElement>(void* source, nint stride, int columns, int k, float* panels, int width) where TElement : struct, IElement
    {
        for (int i = 0; i < columns; i += width, panels += (nint)k * width)
        {
            int count = Math.Min(width, columns - i);
            for (int p = 0; p < k; p++)
                Widen<TElement>(source, p * stride + i, count, panels + (nint)p * width);
        }
    }

    /// <summary>Strips across the rows: element (p, i) of the first is source[i · stride + p]. A strip is widened, then turned.</summary>
    public static void Across<TElement>(void* source, nint stride, int columns, int k, float* panels, int width) where TElement : struct, IElement
    {
        using Scratch strip = Scratch.Rent((long)width * k);
        for (int i = 0; i < columns; i += width, panels += (nint)k * width)
        {
            int count = Math.Min(width, columns - i);
            for (int r = 0; r < count; r++)
                Widen<TElement>(source, (i + r) * stride, k, strip.Pointer + (nint)r * k);
            Packing.Across(strip.Pointer, k, count, k, panels, width);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Widen<TElement>(void* source, nint at, int count, float* to) where TElement : struct, IElement
    {
        int i = 0;
        for (; Avx2.IsSupported && i + 8 <= count; i += 8)
            Float8.Store(to + i, TElement.Load<Float8>(source, at + i));
        for (; i + 4 <= count; i += 4)
            Float4.Store(to + i, TElement.Load<Float4>(source, at + i));
        for (; i < count; i++)
            to[i] = TElement.One(source, at + i);
    }
}
