using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Cleave.Numerics.Ops;

/// <summary>Checks of shapes; a failure is the caller's bug, so it is an <see cref="ArgumentException"/>.</summary>
internal static class Check
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Same(string what, int first, int second)
    {
        if (first != second)
            Throw(what, first, second);
    }

    /// <summary>As the other overload, without making a text where all is well.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Same(string what, Tensors.Shape first, Tensors.Shape second)
    {
        if (first != second)
            Throw(what, first, second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void That(bool condition, string what)
    {
        if (!condition)
            Throw(what);
    }

    [DoesNotReturn]
    private static void Throw(string what, object first, object second) =>
        throw new ArgumentException($"{what} must be equal, not {first} and {second}");

    [DoesNotReturn]
    private static void Throw(string what) => throw new ArgumentException(what);
}
