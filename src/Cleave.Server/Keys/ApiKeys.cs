using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Cleave.Server.Keys;

/// <summary>The keys that open a server. Only their hashes are kept, and looking for one takes the same time whether it is there or not.</summary>
public sealed class ApiKeys
{
    private const string HashPrefix = "sha256:";
    private const int MaxFileBytes = 1 << 20;

    private readonly ApiKey[] _keys;

    private ApiKeys(ApiKey[] keys) => _keys = keys;

    /// <summary>
    /// A file with one key a line, or <c>sha256:</c> and the key's SHA-256 in hexadecimal; # starts a comment line. What the key may do can follow, with blanks
    /// between: <c>name=NAME</c>, <c>modules=A,B</c>, <c>requests-per-minute=N</c>, <c>tokens-per-day=N</c>, <c>metrics</c>, <c>admin</c>. A key alone may ask
    /// every module without a limit, and no more.
    /// </summary>
    /// <exception cref="DataFileException">The file cannot be read, holds no key, or a line that is not understood.</exception>
    public static ApiKeys Load(string path, TimeProvider? clock = null)
    {
        string[] lines;
        try
        {
            if (new FileInfo(path).Length > MaxFileBytes)
                throw new DataFileException(path, "is larger than 1 MiB: not a file of keys");
            lines = File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataFileException(path, $"the keys cannot be read: {e.Message}");
        }
        var keys = new List<ApiKey>();
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].Trim();
            if (line.Length == 0 || line[0] == '#')
                continue;
            ApiKey key = Parse(line, path, i + 1, clock ?? TimeProvider.System);
            if (keys.Any(k => k.HasHash(key) || k.Name == key.Name))
                throw new DataFileException(path, $"the key, or its name '{key.Name}', is there already", i + 1);
            keys.Add(key);
        }
        return keys.Count > 0 ? new ApiKeys([.. keys]) : throw new DataFileException(path, "holds no key; write one a line");
    }

    /// <summary>The key that was sent, or null where it is none of them.</summary>
    public ApiKey? Find(ReadOnlySpan<char> sent)
    {
        byte[] hash = Hash(sent);
        ApiKey? found = null;
        foreach (ApiKey key in _keys)
            found = key.Matches(hash) ? key : found;
        return found;
    }

    internal static byte[] Hash(ReadOnlySpan<char> key)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(key)];
        Encoding.UTF8.GetBytes(key, bytes);
        return SHA256.HashData(bytes);
    }

    private static ApiKey Parse(string line, string path, int number, TimeProvider clock)
    {
        string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        byte[] hash = words[0].StartsWith(HashPrefix, StringComparison.Ordinal) ? ParseHash(words[0][HashPrefix.Length..], path, number) : Hash(words[0]);
        var key = new ApiKey(hash, $"key-{number}", clock);
        var said = new HashSet<string>(StringComparer.Ordinal);
        foreach (string word in words.AsSpan(1))
        {
            int at = word.IndexOf('=', StringComparison.Ordinal);
            (string name, string? value) = at < 0 ? (word, null) : (word[..at], word[(at + 1)..]);
            if (!said.Add(name))
                throw new DataFileException(path, $"says {name} twice", number);
            key = (name, value) switch
            {
                ("admin", null) => key with { IsAdmin = true },
                ("metrics", null) => key with { ReadsMetrics = true },
                ("name", { Length: > 0 and <= 64 }) when value.All(IsPlain) => key with { Name = value },
                ("modules", { Length: > 0 }) => key with { Modules = [.. value.Split(',', StringSplitOptions.RemoveEmptyEntries)] },
                ("requests-per-minute", not null) => key with { RequestsPerMinute = (int)Number(value, 1_000_000, name, path, number) },
                ("tokens-per-day", not null) => key with { TokensPerDay = Number(value, long.MaxValue / 2, name, path, number) },
                // Never what it says: a word that is out of place may be a part of a key.
                _ => throw new DataFileException(path, "behind a key there may be name=NAME (letters, digits, . _ -), modules=A,B, requests-per-minute=N, tokens-per-day=N, metrics and admin, with blanks between", number),
            };
        }
        return key;
    }

    private static long Number(string text, long most, string name, string path, int line) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value >= 1 && value <= most ? value
            : throw new DataFileException(path, $"{name}= wants a whole number from 1 to {most}", line);

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-';

    private static byte[] ParseHash(string text, string path, int line)
    {
        try
        {
            byte[] hash = Convert.FromHexString(text);
            if (hash.Length == SHA256.HashSizeInBytes)
                return hash;
        }
        catch (FormatException)
        {
            // Reported below, with its line.
        }
        throw new DataFileException(path, "sha256: wants 64 hexadecimal digits behind it", line);
    }
}
