using Cleave.Formats.Durable;

namespace Cleave.Tuning.Objectives;

/// <summary>
/// Takes the files that a trial names as its artifacts to where all workers put them: <c>TARGET/STUDY/TRIAL.ATTEMPT/NAME</c>. The
/// attempt keeps a worker that was taken for dead from writing over what its successor has put there.
/// </summary>
/// <param name="source">The folder that names are relative to.</param>
/// <param name="target">Null leaves the files where they are.</param>
internal sealed class ArtifactFolder(string source, string? target, string study)
{
    /// <returns>The names to keep with the trial.</returns>
    /// <exception cref="FormatException">A name leads out of the folder, or there is no such file.</exception>
    /// <exception cref="CleaveException">A file cannot be copied.</exception>
    public IReadOnlyList<string> Take(int trial, int attempt, IReadOnlyList<string> names)
    {
        foreach (string name in names)
        {
            if (Path.IsPathRooted(name) || name.Split('/', '\\').Contains(".."))
                throw new FormatException($"its artifact '{name}' lies outside of {source}");
            if (!File.Exists(Path.Combine(source, name)))
                throw new FormatException($"its artifact '{name}' is not a file in {source}");
        }
        if (target is null)
            return names;
        string place = FormattableString.Invariant($"{study.Replace('/', '-')}/{trial}.{attempt}");
        foreach (string name in names)
            Copy(Path.Combine(source, name), Path.Combine(target, place, name));
        return [.. names.Select(n => $"{place}/{n}")];
    }

    private static void Copy(string from, string to)
    {
        try
        {
            using var stream = new FileStream(from, FileMode.Open, FileAccess.Read, FileShare.Read);
            AtomicFile.Write(to, stream.CopyTo);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{from}: cannot be read: {e.Message}", e);
        }
    }
}
