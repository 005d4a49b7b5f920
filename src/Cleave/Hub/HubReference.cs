namespace Cleave.Hub;

/// <summary>
/// A model on a hub by name: <c>hf:owner/name</c>, with <c>@revision</c> (a branch, tag, commit or <c>refs/pr/N</c>)
/// and <c>:file</c> (a path inside the repository) where they matter.
/// </summary>
/// <param name="Repository"><c>owner/name</c>, or a bare name for the few old models that have no owner.</param>
/// <param name="Revision">Unless given, <see cref="MainBranch"/>.</param>
/// <param name="File">The one file that is meant, or null.</param>
public sealed record HubReference(string Repository, string Revision, string? File)
{
    public const string Prefix = "hf:", MainBranch = "main";
    private const int LongestName = 96, LongestRevision = 255;

    /// <summary>Whether a text is meant as such a name, well-formed or not.</summary>
    public static bool IsReference(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.StartsWith(Prefix, StringComparison.Ordinal);
    }

    /// <exception cref="HubException">The text is not such a name.</exception>
    public static HubReference Parse(string text)
    {
        if (!IsReference(text))
            throw new HubException($"'{text}' is not a model on a hub; write hf:owner/name");
        string rest = text[Prefix.Length..];
        if (rest.StartsWith("//", StringComparison.Ordinal))
            rest = rest[2..];
        string? file = null;
        if (rest.IndexOf(':', StringComparison.Ordinal) is var colon and >= 0)
            (rest, file) = (rest[..colon], rest[(colon + 1)..]);
        string revision = MainBranch;
        if (rest.IndexOf('@', StringComparison.Ordinal) is var at and >= 0)
            (rest, revision) = (rest[..at], rest[(at + 1)..]);
        string[] parts = rest.Split('/');
        if (parts.Length > 2 || !parts.All(IsName) || rest.Contains("--", StringComparison.Ordinal) || rest.EndsWith(".git", StringComparison.Ordinal))
            throw new HubException($"'{text}': '{rest}' is not a repository's name; write hf:owner/name, such as hf:HuggingFaceTB/SmolLM-135M");
        if (!IsRevision(revision))
            throw new HubException($"'{text}': '{revision}' is not a branch, tag or commit");
        if (file is not null && !SafePath.IsSafe(file))
            throw new HubException($"'{text}': '{file}' is not the path of a file in a repository");
        return new HubReference(rest, revision, file);
    }

    /// <summary>Whether the revision is a commit's full number, which never comes to mean something else.</summary>
    public bool IsPinned => IsCommit(Revision);

    public override string ToString() =>
        Prefix + Repository + (Revision == MainBranch ? "" : "@" + Revision) + (File is null ? "" : ":" + File);

    /// <summary>Whether a text is a commit's full number, as git writes it.</summary>
    public static bool IsCommit(string? text) => text is { Length: 40 } && text.All(char.IsAsciiHexDigitLower);

    private static bool IsName(string part) =>
        part.Length is > 0 and <= LongestName && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
        && part[0] is not ('-' or '.') && part[^1] is not ('-' or '.') && !part.Contains("..", StringComparison.Ordinal);

    // It becomes a path under refs/ and a part of an address.
    private static bool IsRevision(string text) =>
        text.Length <= LongestRevision && SafePath.IsSafe(text) && !text.Any(c => c is ' ' or '~' or '^' or '?' or '*' or '[');
}
