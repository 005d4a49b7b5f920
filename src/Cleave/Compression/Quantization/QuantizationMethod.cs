namespace Cleave.Compression.Quantization;

/// <summary>Ways to round matrices by the names that command lines and recipes use.</summary>
public static class QuantizationMethod
{
    private static readonly (string Name, Rounding Rounding, ChannelChange Change)[] Known =
    [
        ("gptq", Rounding.Gptq, ChannelChange.None),
        ("rtn", Rounding.Nearest, ChannelChange.None),
        ("importance", Rounding.Importance, ChannelChange.None),
        ("awq", Rounding.Importance, ChannelChange.Awq),
        ("awq+gptq", Rounding.Gptq, ChannelChange.Awq),
        ("smooth", Rounding.Nearest, ChannelChange.Smooth),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. Known.Select(k => k.Name)];

    /// <exception cref="ArgumentException">There is no such way.</exception>
    public static (Rounding Rounding, ChannelChange Change) Find(string name)
    {
        int at = Array.FindIndex(Known, k => k.Name == name);
        return at >= 0 ? (Known[at].Rounding, Known[at].Change) : throw new ArgumentException($"no way to round is called '{name}'", nameof(name));
    }
}
