using Cleave.Formats.Gguf;

namespace Cleave.Models.Families;

/// <summary>What says a model's shape in a GGUF file: the keys of its architecture, and which tensors there are.</summary>
/// <param name="shapeOf">A tensor's shape, rows first, or null where it is missing.</param>
/// <param name="floats">The numbers of a float32 tensor.</param>
public sealed class GgufKeys(string path, GgufMetadata metadata, Func<string, long[]?> shapeOf, Func<string, float[]> floats)
{
    private readonly string _prefix = metadata.Text("general.architecture") + ".";

    public string Path { get; } = path;

    public GgufMetadata Metadata { get; } = metadata;

    public bool Contains(string key) => Metadata.Contains(_prefix + key);

    /// <exception cref="ModelFileException">The key is missing or is no number from 1 to 2³¹ − 1.</exception>
    public int Positive(string key) => Metadata.Positive(_prefix + key);

    public int Positive(string key, int missing) => Metadata.Positive(_prefix + key, missing);

    /// <summary>A whole number that may be 0.</summary>
    public int Count(string key) => Number(key, 0) == 0 ? 0 : Positive(key);

    public int[] PositiveEach(string key, int layers) => Metadata.PositiveEach(_prefix + key, layers);

    /// <exception cref="ModelFileException">The key is there but is not a finite number.</exception>
    public double Number(string key, double missing) => Metadata.Number(_prefix + key, missing) is var number && double.IsFinite(number) ? number
        : throw Error(key, "is not a finite number");

    public bool Flag(string key, bool missing) => Metadata.Flag(_prefix + key, missing);

    public string? FindText(string key) => Metadata.FindText(_prefix + key);

    public object? Find(string key) => Metadata.Find(_prefix + key);

    public bool HasTensor(string name) => shapeOf(name) is not null;

    /// <exception cref="ModelFileException">There is no such tensor.</exception>
    public int RowsOf(string name) => shapeOf(name) is { } shape ? (int)shape[0] : throw new ModelFileException(Path, $"there is no tensor {name}");

    /// <summary>The numbers of a tensor of so many.</summary>
    /// <exception cref="ModelFileException">It is missing or of another size, or a number is not positive.</exception>
    public double[] Divisors(string name, int count)
    {
        if (shapeOf(name) is not [var length] || length != count)
            throw new ModelFileException(Path, $"the tensor {name} is missing or has not {count} numbers");
        double[] numbers = Array.ConvertAll(floats(name), v => (double)v);
        return numbers.All(v => v > 0 && double.IsFinite(v)) ? numbers : throw new ModelFileException(Path, $"the tensor {name} holds a number that is not positive");
    }

    public ModelFileException Error(string key, string problem) => Metadata.Error(_prefix + key, problem);
}
