using Cleave.Numerics.Quantized;

namespace Cleave.Formats.Gguf;

/// <summary>How a GGUF tensor's elements are stored, numbered as the file numbers them (ggml's <c>ggml_type</c>).</summary>
public enum GgufTensorType
{
    F32 = 0,
    F16 = 1,
    Q4_0 = 2,
    Q4_1 = 3,
    Q5_0 = 6,
    Q5_1 = 7,
    Q8_0 = 8,
    Q8_1 = 9,
    Q2_K = 10,
    Q3_K = 11,
    Q4_K = 12,
    Q5_K = 13,
    Q6_K = 14,
    Q8_K = 15,
    IQ4_NL = 20,
    I8 = 24,
    I16 = 25,
    I32 = 26,
    I64 = 27,
    F64 = 28,
    BF16 = 30,
}

public static class GgufTensorTypes
{
    /// <summary>Elements that are stored together, along a row, and the bytes that they take; null for a type that is not known.</summary>
    public static (int Elements, int Bytes)? Block(this GgufTensorType type) => type switch
    {
        GgufTensorType.F32 or GgufTensorType.I32 => (1, 4),
        GgufTensorType.F16 or GgufTensorType.BF16 or GgufTensorType.I16 => (1, 2),
        GgufTensorType.I8 => (1, 1),
        GgufTensorType.F64 or GgufTensorType.I64 => (1, 8),
        GgufTensorType.Q4_0 or GgufTensorType.IQ4_NL => (32, 18),
        GgufTensorType.Q4_1 => (32, 20),
        GgufTensorType.Q5_0 => (32, 22),
        GgufTensorType.Q5_1 => (32, 24),
        GgufTensorType.Q8_0 => (32, 34),
        GgufTensorType.Q8_1 => (32, 36),
        GgufTensorType.Q2_K => (256, 84),
        GgufTensorType.Q3_K => (256, 110),
        GgufTensorType.Q4_K => (256, 144),
        GgufTensorType.Q5_K => (256, 176),
        GgufTensorType.Q6_K => (256, 210),
        GgufTensorType.Q8_K => (256, 292),
        _ => null,
    };

    /// <summary>The block format that matrices of this type are held in; null for plain numbers and for what cannot be held.</summary>
    public static BlockFormat? Blocks(this GgufTensorType type) =>
        Enum.TryParse(type.ToString(), out BlockFormat format) ? format : null;

    /// <summary>The type of matrices in a block format: the other way round.</summary>
    public static GgufTensorType Stored(this BlockFormat format) => Enum.Parse<GgufTensorType>(format.ToString());

    /// <summary>Whether each element is a float by itself.</summary>
    public static bool IsPlain(this GgufTensorType type) => type is GgufTensorType.F32 or GgufTensorType.F16 or GgufTensorType.BF16;

    public static bool IsInteger(this GgufTensorType type) => type is GgufTensorType.I8 or GgufTensorType.I16 or GgufTensorType.I32 or GgufTensorType.I64;
}
