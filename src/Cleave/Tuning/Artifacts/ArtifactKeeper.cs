namespace Cleave.Tuning.Artifacts;

/// <summary>
/// Takes the files that a trial names as its artifacts to where they are kept: <c>STUDY/TRIAL.ATTEMPT/NAME</c>. The
/// attempt keeps a worker that was taken for dead from writing over what its successor has put there.
/// </summary>
/// <param name="source">The folder that names are relative to.</param>
/// <param name="store">Null leaves the files where they are.</param>
internal sealed class ArtifactKeeper(string source, IArtifactStore? store, string study)
{
    /// <returns>The names to keep with the trial.</returns>
    /// <exception cref="FormatException">A name leads out of the folder, or there is no such file.</exception>
    /// <exception cref="CleaveException">A file cannot be copied.</exception>
    public async Task<IReadOnlyList<string>> Take(int trial, int attempt, IReadOnlyList<string> names, CancellationToken cancellation)
    {
        foreach (string name in names)
        {
            if (Path.IsPathRooted(name) || name.Split('/', '\\').Contains(".."))
                throw new FormatException($"its artifact '{name}' lies outside of {source}");
            if (!File.Exists(Path.Combine(source, name)))
                throw new FormatException($"its artifact '{name}' is not a file in {source}");
        }
        if (store is null)
            return names;
        string place = FormattableString.Invariant($"{study.Replace('/', '-')}/{trial}.{attempt}");
        foreach (string name in names)
            await store.Put($"{place}/{name.Replace('\\', '/')}", Path.Combine(source, name), cancellation).ConfigureAwait(false);
        return [.. names.Select(n => $"{place}/{n}")];
    }
}
