namespace Cleave.Formats.Gguf;

/// <summary>How a GGUF file stores a key's value, numbered as the file numbers them.</summary>
public enum GgufValueType
{
    U8, I8, U16, I16, U32, I32, F32, Bool, Text, List, U64, I64, F64,
}

/// <summary>One key of a GGUF file.</summary>
/// <param name="Value">As <see cref="GgufMetadata"/> says.</param>
/// <param name="Element">Of a list: its values' type.</param>
public sealed record GgufKey(string Name, GgufValueType Type, object Value, GgufValueType Element = default)
{
    public GgufKey(string name, string text) : this(name, GgufValueType.Text, text) { }
    public GgufKey(string name, bool flag) : this(name, GgufValueType.Bool, flag) { }

    /// <summary>A whole number in 32 unsigned bits, as most keys have it.</summary>
    public GgufKey(string name, int number) : this(name, GgufValueType.U32, (long)number) { }

    public GgufKey(string name, float number) : this(name, GgufValueType.F32, (double)number) { }

    public static GgufKey List(string name, IEnumerable<string> texts) => new(name, GgufValueType.List, texts.ToArray(), GgufValueType.Text);

    public static GgufKey List(string name, IEnumerable<float> numbers) =>
        new(name, GgufValueType.List, numbers.Select(n => (double)n).ToArray(), GgufValueType.F32);

    public static GgufKey List(string name, IEnumerable<int> numbers) =>
        new(name, GgufValueType.List, numbers.Select(n => (long)n).ToArray(), GgufValueType.I32);
}

internal static class GgufValues
{
    /// <summary>Bytes that a value takes at least.</summary>
    public static int LeastBytes(GgufValueType type) => type switch
    {
        GgufValueType.U8 or GgufValueType.I8 or GgufValueType.Bool => 1,
        GgufValueType.U16 or GgufValueType.I16 => 2,
        GgufValueType.U32 or GgufValueType.I32 or GgufValueType.F32 => 4,
        _ => 8,
    };
}
