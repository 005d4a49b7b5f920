using Cleave.Formats.HuggingFace;
using Cleave.Json;

namespace Cleave.Formats.Safetensors;

/// <summary>All tensors of a model, whether they lie in one safetensors file or in several that an index lists.</summary>
public sealed class SafetensorsSet : IDisposable
{
    public const string SingleFile = "model.safetensors", IndexFile = "model.safetensors.index.json";

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, SafetensorsFile> _fileOf = new(StringComparer.Ordinal);
    private readonly List<string> _names = [];

    private SafetensorsSet(string path) => Path = path;

    public string Path { get; }

    public IReadOnlyList<string> Names => _names;

    public IReadOnlyList<SafetensorsFile> Files => _files;

    /// <summary>Opens a safetensors file, an index, or a folder that holds either.</summary>
    /// <exception cref="ModelFileException">There is none, or one of the files is damaged or does not fit the index.</exception>
    public static SafetensorsSet Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var set = new SafetensorsSet(path);
        try
        {
            string index = Directory.Exists(path) ? System.IO.Path.Combine(path, IndexFile) : path;
            string single = Directory.Exists(path) ? System.IO.Path.Combine(path, SingleFile) : path;
            if (File.Exists(single) && !single.EndsWith(".json", StringComparison.Ordinal))
                set.Add(SafetensorsFile.Open(single));
            else if (File.Exists(index))
                set.AddIndexed(index);
            else
                throw new ModelFileException(path, $"there is neither {SingleFile} nor {IndexFile}");
            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    public bool Contains(string name) => _fileOf.ContainsKey(name);

    /// <exception cref="ModelFileException">There is no tensor of that name.</exception>
    public SafetensorsFile FileOf(string name) => _fileOf.TryGetValue(name, out SafetensorsFile? file) ? file
        : throw new ModelFileException(Path, $"there is no tensor {name} among the {_names.Count} of the model");

    /// <inheritdoc cref="FileOf"/>
    public SafetensorsEntry Entry(string name) => FileOf(name).Entry(name);

    /// <inheritdoc cref="SafetensorsFile.ReadSingle(string, Span{float})"/>
    public void ReadSingle(string name, Span<float> destination) => FileOf(name).ReadSingle(name, destination);

    /// <inheritdoc cref="SafetensorsFile.Bytes(string)"/>
    public ReadOnlySpan<byte> Bytes(string name) => FileOf(name).Bytes(name);

    public void Dispose() => _files.ForEach(f => f.Dispose());

    private void Add(SafetensorsFile file)
    {
        _files.Add(file);
        foreach (string name in file.Names)
        {
            if (!_fileOf.TryAdd(name, file))
                throw new ModelFileException(file.Path, $"the tensor {name} is in {_fileOf[name].Path} already");
            _names.Add(name);
        }
    }

    private void AddIndexed(string index)
    {
        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(index))!;
        (string Tensor, JsonCursor File)[] map = [.. JsonFile.Load(index)["weight_map"].Members()];
        var files = new SortedSet<string>(StringComparer.Ordinal);
        foreach ((_, JsonCursor file) in map)
        {
            string name = file.Text();
            // An index names its neighbours; anything else would read files that it has no business with.
            if (name != System.IO.Path.GetFileName(name) || name.Length == 0 || name.Contains('\\') || name.Any(char.IsControl) || name is "." or "..")
                throw file.Expected("the name of a file beside the index");
            files.Add(name);
        }
        foreach (string name in files)
            Add(SafetensorsFile.Open(System.IO.Path.Combine(folder, name)));
        foreach ((string tensor, JsonCursor file) in map)
        {
            if (!_fileOf.TryGetValue(tensor, out SafetensorsFile? holder) || System.IO.Path.GetFileName(holder.Path) != file.Text())
                throw file.Error($"the file {file.Text()} does not hold the tensor");
        }
    }
}
