using System.IO.Enumeration;

namespace Cleave.Data.Reading;

/// <summary>Resolves paths and patterns: <c>*</c> and <c>?</c> within a name, <c>**</c> for folders at any depth.</summary>
public static class FilePattern
{
    /// <summary>
    /// The files that the paths and patterns name, each once: patterns in the order given, the matches of one sorted by
    /// ordinal, names that begin with a dot left out as a shell does.
    /// </summary>
    /// <param name="baseFolder">What relative paths are relative to; empty for the current folder.</param>
    /// <exception cref="DataFileException">A pattern matches no file.</exception>
    public static IReadOnlyList<string> Expand(IEnumerable<string> pathsOrPatterns, string baseFolder = "")
    {
        ArgumentNullException.ThrowIfNull(pathsOrPatterns);
        ArgumentNullException.ThrowIfNull(baseFolder);
        var files = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (string pattern in pathsOrPatterns)
        {
            string path = Path.Combine(baseFolder, pattern);
            if (!HasWildcard(pattern) || File.Exists(path))
            {
                if (seen.Add(Path.GetFullPath(path)))
                    files.Add(path);
                continue;
            }
            List<string> matches = Match(baseFolder, pattern);
            if (matches.Count == 0)
                throw new DataFileException(path, "no file matches this pattern");
            files.AddRange(matches.Where(m => seen.Add(Path.GetFullPath(m))));
        }
        return files;
    }

    private static bool HasWildcard(string name) => name.AsSpan().ContainsAny('*', '?');

    private static List<string> Match(string baseFolder, string pattern)
    {
        string[] segments = pattern.Replace('\\', '/').Split('/', StringSplitOptions.RemoveEmptyEntries);
        List<string> folders = [Path.IsPathRooted(pattern) ? Path.GetPathRoot(pattern)! : baseFolder];
        foreach (string segment in segments[..^1])
        {
            folders = [.. folders.SelectMany(folder => segment switch
            {
                "**" => WithDescendants(folder),
                _ when HasWildcard(segment) => Entries(folder, segment, Directory.EnumerateDirectories),
                _ => [Path.Combine(folder, segment)],
            }).Distinct(StringComparer.Ordinal)];
        }
        string last = segments[^1] == "**" ? "*" : segments[^1];
        if (segments[^1] == "**")
            folders = [.. folders.SelectMany(WithDescendants)];
        return [.. folders.SelectMany(f => Entries(f, last, Directory.EnumerateFiles)).Order(StringComparer.Ordinal)];
    }

    private static IEnumerable<string> WithDescendants(string folder) =>
        Entries(folder, "*", Directory.EnumerateDirectories).SelectMany(WithDescendants).Prepend(folder);

    private static IEnumerable<string> Entries(string folder, string pattern, Func<string, IEnumerable<string>> list)
    {
        string place = folder.Length == 0 ? "." : folder;
        if (!Directory.Exists(place))
            return [];
        return list(place).Select(entry => Path.GetFileName(entry))
            .Where(name => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false)
                && (!name.StartsWith('.') || pattern.StartsWith('.')))
            .Order(StringComparer.Ordinal).Select(name => Path.Combine(folder, name));
    }
}
