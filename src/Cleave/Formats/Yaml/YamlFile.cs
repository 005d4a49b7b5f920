using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Cleave.Formats.Yaml;

/// <summary>
/// A YAML file read section by section. Every mistake is collected with its line, so that a person sees all of them
/// at once; <see cref="ThrowIfAny"/> reports them.
/// </summary>
public sealed class YamlFile
{
    private readonly List<(long Line, string Text)> _problems = [];

    private YamlFile(string path) => Path = path;

    public string Path { get; }

    /// <exception cref="ProjectException">The file cannot be read or is not YAML.</exception>
    public static (YamlFile File, YamlSection Root) Load(string path)
    {
        var file = new YamlFile(path);
        try
        {
            if (new FileInfo(path).Length > 1 << 20)
                throw new ProjectException(path, ["a project file is at most 1 MiB"]);
            using (var first = new StreamReader(path))
            {
                if (YamlLimits.Check(first) is { } wrong)
                    throw new ProjectException(path, [$"line {wrong.Line}: {wrong.Problem}"]);
            }
            using var reader = new StreamReader(path);
            var stream = new YamlStream();
            stream.Load(reader);
            if (stream.Documents.Count == 1 && stream.Documents[0].RootNode is YamlMappingNode root)
                return (file, new YamlSection(file, "", root));
            throw new ProjectException(path, ["a mapping of keys is expected; see the README for an example"]);
        }
        catch (YamlException e)
        {
            throw new ProjectException(path, [$"line {e.Start.Line}: not YAML: {e.InnerException?.Message ?? e.Message}"]);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // The parser's own state, on damage that it did not foresee; it does not say where.
            throw new ProjectException(path, [$"not YAML: {e.Message}"]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ProjectException(path, [$"cannot be read: {e.Message}"]);
        }
    }

    public void Report(long line, string text) => _problems.Add((line, text));

    /// <exception cref="ProjectException">Anything was reported.</exception>
    public void ThrowIfAny()
    {
        if (_problems.Count > 0)
            throw new ProjectException(Path, [.. _problems.OrderBy(p => p.Line).Select(p => p.Line > 0 ? $"line {p.Line}: {p.Text}" : p.Text)]);
    }
}
