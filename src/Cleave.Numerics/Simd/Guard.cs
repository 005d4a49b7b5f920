using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Cleave.Numerics.Simd;

/// <summary>Checks at the entry of a kernel; the messages name the argument, what was expected and what came.</summary>
internal static class Guard
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Length(int actual, long expected, string name)
    {
        if (actual != expected)
            Throw(name, "exactly", expected, actual);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AtLeast(int actual, long expected, string name)
    {
        if (actual < expected)
            Throw(name, "at least", expected, actual);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void NotNegative(int value, string name)
    {
        if (value < 0)
            Negative(name, value);
    }

    [DoesNotReturn, StackTraceHidden]
    private static void Throw(string name, string relation, long expected, int actual) =>
        throw new ArgumentException($"{name}: expected {relation} {expected} elements, got {actual}", name);

    [DoesNotReturn, StackTraceHidden]
    private static void Negative(string name, int value) =>
        throw new ArgumentException($"{name}: must not be negative, got {value}", name);
}
