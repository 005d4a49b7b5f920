namespace Cleave.Tuning.Storage;

/// <summary>A folder with one journal a study, for the processes of one machine, see <see cref="JournalStudyStorage.OpenShared"/>.</summary>
internal sealed class JournalCatalog(string folder, StorageOptions options) : IStudyCatalog
{
    private const string Suffix = ".journal";

    public string Place => folder;

    /// <summary>The studies that have begun: whoever makes one may have been killed between the file and its first record.</summary>
    public IReadOnlyList<string> Names() => !Directory.Exists(folder) ? []
        : [.. new DirectoryInfo(folder).EnumerateFiles("*" + Suffix).Where(f => JournalStudyStorage.HasBegun(f.FullName)).OrderBy(f => f.CreationTimeUtc).ThenBy(f => f.Name, StringComparer.Ordinal).Select(f => Uri.UnescapeDataString(Path.GetFileNameWithoutExtension(f.Name)))];

    public IStudyStorage Create(StudyDefinition definition)
    {
        ArgumentNullException.ThrowIfNull(definition);
        Directory.CreateDirectory(folder);
        return JournalStudyStorage.OpenShared(FileOf(definition.Name), definition, options.LeaseTime);
    }

    public IStudyStorage Open(string name) => File.Exists(FileOf(name)) ? JournalStudyStorage.OpenShared(FileOf(name), null, options.LeaseTime)
        : throw new CleaveException($"{folder}: has no study '{name}' (it has {(Names() is { Count: > 0 } names ? string.Join(", ", names) : "none")})");

    public void Delete(string name)
    {
        if (File.Exists(FileOf(name)))
            JournalStudyStorage.Delete(FileOf(name));
    }

    public void Dispose()
    {
    }

    private string FileOf(string name) => FileOf(folder, name);

    /// <summary>Where a study of the name lies in a folder.</summary>
    public static string FileOf(string folder, string name) => Path.Combine(folder, Uri.EscapeDataString(name) + Suffix);
}
