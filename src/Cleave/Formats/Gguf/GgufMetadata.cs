namespace Cleave.Formats.Gguf;

/// <summary>
/// The keys of a GGUF file. A value is a bool, a long, a ulong beyond long's range, a double, a string, or an array of
/// one of these: <c>bool[]</c>, <c>long[]</c>, <c>double[]</c>, <c>string[]</c>.
/// </summary>
public sealed class GgufMetadata(string path, IReadOnlyList<GgufKey> keys)
{
    private const int DefaultAlignment = 32;

    /// <summary>In the file's order, with the types that it gives them.</summary>
    public IReadOnlyList<GgufKey> Keys { get; } = keys;

    public IReadOnlyDictionary<string, object> Values { get; } = keys.ToDictionary(k => k.Name, k => k.Value, StringComparer.Ordinal);

    /// <summary>Every tensor begins at a multiple of so many bytes.</summary>
    /// <exception cref="ModelFileException">The key is not a number that can be one.</exception>
    public int Alignment => Positive("general.alignment", DefaultAlignment) is var bytes && bytes % 8 == 0 && bytes <= 1 << 20 ? bytes
        : throw Error("general.alignment", $"is {bytes}, not a multiple of 8 up to a million");

    public bool Contains(string key) => Values.ContainsKey(key);

    /// <exception cref="ModelFileException">The key is missing or is not a text.</exception>
    public string Text(string key) => As<string>(key, "a text");

    public string? FindText(string key) => Contains(key) ? Text(key) : null;

    /// <summary>A whole number from 1 to 2³¹ − 1.</summary>
    /// <exception cref="ModelFileException">The key is missing or is not such a number.</exception>
    public int Positive(string key) => Positive(key, As<long>(key, "a whole number"));

    public int Positive(string key, int missing) => Contains(key) ? Positive(key) : missing;

    /// <summary>A whole number, or one for each of <paramref name="count"/> layers.</summary>
    public int[] PositiveEach(string key, int count)
    {
        if (Find(key) is not long[] each)
            return [.. Enumerable.Repeat(Positive(key), count)];
        if (each.Length != count)
            throw Error(key, $"has {each.Length} numbers for {count} layers");
        return [.. each.Select(n => Positive(key, n))];
    }

    /// <exception cref="ModelFileException">The key is there but is not a number.</exception>
    public double Number(string key, double missing) => Find(key) switch
    {
        null => missing,
        double d => d,
        long n => n,
        _ => throw Error(key, "is not a number"),
    };

    public string[] Texts(string key) => As<string[]>(key, "a list of texts");

    /// <exception cref="ModelFileException">The key is missing or is not a list of whole numbers.</exception>
    public long[] Numbers(string key) => As<long[]>(key, "a list of whole numbers");

    /// <exception cref="ModelFileException">The key is there but is neither true nor false.</exception>
    public bool Flag(string key, bool missing) => Contains(key) ? As<bool>(key, "true or false") : missing;

    public object? Find(string key) => Values.GetValueOrDefault(key);

    public ModelFileException Error(string key, string problem) => new(path, $"the key {key} {problem}");

    private int Positive(string key, long value) => value is > 0 and <= int.MaxValue ? (int)value
        : throw Error(key, $"is {value}, not a number from 1 to {int.MaxValue}");

    private T As<T>(string key, string what) => Find(key) switch
    {
        T value => value,
        null => throw Error(key, "is missing"),
        _ => throw Error(key, $"is not {what}"),
    };
}
