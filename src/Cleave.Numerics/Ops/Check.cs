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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void That(bool condition, string what)
    {
        if (!condition)
            Throw(what);
    }

    [DoesNotReturn]
    private static void Throw(string what, int first, int second) =>
        throw new ArgumentException($"{what} must be equal, not {first} and {second}");

    [DoesNotReturn]
    private static void Throw(string what) => throw new ArgumentException(what);
}
