namespace Cleave.Server.Admin;

/// <summary>The folder below which releases may be loaded; what an administrator names is looked for nowhere else.</summary>
internal sealed class ReleaseFolder
{
    private const int MostLength = 512;

    private readonly string _root;

    private ReleaseFolder(string root) => _root = root;

    /// <exception cref="CleaveException">There is no such folder.</exception>
    public static ReleaseFolder Open(string root) => Directory.Exists(root) ? new ReleaseFolder(Path.GetFullPath(root))
        : throw new CleaveException($"{root}: no such folder to load releases from");

    /// <summary>The full path of a folder below, which is there and reached without links.</summary>
    /// <param name="path">Relative, with forward slashes.</param>
    /// <exception cref="CleaveException">It leads elsewhere, or there is nothing.</exception>
    public string Find(string path)
    {
        string[] parts = path.Split('/');
        if (path.Length > MostLength || parts.Any(p => p is "" or "." or ".." || p.IndexOfAny(['\\', ':']) >= 0 || p.Any(char.IsControl)))
            throw new CleaveException("'path' must be the name of a folder below the one that --releases names, such as 2026-01 or desk/2026-01");
        string at = _root;
        foreach (string part in parts)
        {
            var folder = new DirectoryInfo(at = Path.Combine(at, part));
            if (!folder.Exists)
                throw new CleaveException($"there is no folder '{path}' below the one that --releases names");
            if (folder.LinkTarget is not null)
                throw new CleaveException($"'{path}' leads over a link; a release is loaded from where it lies");
        }
        return at;
    }
}
