namespace Cleave.Tuning.Storage;

/// <summary>A place with any number of studies, by name, for any number of processes.</summary>
public interface IStudyCatalog : IDisposable
{
    /// <summary>The place, without secrets, for people.</summary>
    string Place { get; }

    /// <summary>The studies, the older first.</summary>
    IReadOnlyList<string> Names();

    /// <summary>Opens the study, or makes it.</summary>
    /// <exception cref="CleaveException">There is one of the name with another definition.</exception>
    IStudyStorage Create(StudyDefinition definition);

    /// <exception cref="CleaveException">There is no study of the name.</exception>
    IStudyStorage Open(string name);

    /// <summary>Removes the study with everything in it, if there is one; its workers are refused from then on.</summary>
    void Delete(string name);
}

/// <summary>Catalogs by their addresses.</summary>
public static class StudyCatalogs
{
    /// <param name="address"><c>postgres://user@host/database</c>, or a folder for the processes of one machine.</param>
    /// <exception cref="CleaveException">The address is of no such kind.</exception>
    public static IStudyCatalog Open(string address, StorageOptions options)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(options);
        if (Postgres.PostgresUrl.Is(address))
            return new Postgres.PostgresCatalog(address, options);
        return address.Contains("://", StringComparison.Ordinal) || address.Length == 0
            ? throw new CleaveException($"{Postgres.PostgresUrl.Hide(address)}: studies are kept in a database (postgres://user@host/database) or a folder")
            : new JournalCatalog(address, options);
    }

    /// <summary>Whether the address holds a password.</summary>
    public static bool HasPassword(string address) => Postgres.PostgresUrl.HasPassword(address);

    /// <summary>Whether processes of several machines may use the place.</summary>
    public static bool SpansMachines(string address) => Postgres.PostgresUrl.Is(address);
}
