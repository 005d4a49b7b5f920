namespace Cleave.Hub;

/// <summary>Paths inside a repository, checked before they become paths on this machine.</summary>
public static class SafePath
{
    private const int Longest = 1024, LongestPart = 255;

    /// <summary>
    /// Whether a path with <c>/</c> between its parts stays below the folder it is joined to, on every system: no empty
    /// part, no <c>.</c> or <c>..</c>, no <c>\</c>, <c>:</c> or control character.
    /// </summary>
    public static bool IsSafe(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path.Length is > 0 and <= Longest
            && !path.Any(c => c is '\\' or ':' || char.IsControl(c) || char.IsSurrogate(c) && !IsPaired(path))
            && path.Split('/').All(part => part.Length is > 0 and <= LongestPart && part is not ("." or "..") && !part.EndsWith(' ') && part[^1] != '.');
    }

    /// <summary>The place of a checked path under a folder.</summary>
    /// <exception cref="ArgumentException">The path is not <see cref="IsSafe"/>.</exception>
    public static string Join(string folder, string path)
    {
        if (!IsSafe(path))
            throw new ArgumentException($"'{path}' may lead out of its folder", nameof(path));
        return Path.Combine([folder, .. path.Split('/')]);
    }

    private static bool IsPaired(string path)
    {
        for (int i = 0; i < path.Length; i++)
        {
            if (char.IsHighSurrogate(path[i]) && i + 1 < path.Length && char.IsLowSurrogate(path[i + 1]))
                i++;
            else if (char.IsSurrogate(path[i]))
                return false;
        }
        return true;
    }
}
