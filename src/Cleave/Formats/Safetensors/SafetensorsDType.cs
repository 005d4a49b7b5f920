namespace Cleave.Formats.Safetensors;

/// <summary>Element types of a safetensors file, named as the file names them.</summary>
public enum SafetensorsDType
{
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    I16,
    I8,
    U8,
    BOOL,
}

public static class SafetensorsDTypes
{
    public static int Bytes(this SafetensorsDType type) => type switch
    {
        SafetensorsDType.F64 or SafetensorsDType.I64 => 8,
        SafetensorsDType.F32 or SafetensorsDType.I32 => 4,
        SafetensorsDType.F16 or SafetensorsDType.BF16 or SafetensorsDType.I16 => 2,
        SafetensorsDType.I8 or SafetensorsDType.U8 or SafetensorsDType.BOOL => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    public static bool IsFloatingPoint(this SafetensorsDType type) => type <= SafetensorsDType.BF16;

    /// <summary>Elements of a shape; null where the product or a dimension is negative or beyond 63 bits.</summary>
    internal static long? Elements(ReadOnlySpan<long> shape)
    {
        long product = 1;
        bool empty = false, overflow = false;
        foreach (long dimension in shape)
        {
            if (dimension < 0)
                return null;
            empty |= dimension == 0;
            overflow |= dimension != 0 && product > long.MaxValue / dimension;
            if (!overflow && dimension != 0)
                product *= dimension;
        }
        return empty ? 0 : overflow ? null : product;
    }
}
