using System.Security.Cryptography;
using System.Text;

namespace Cleave.Server;

/// <summary>The keys that open a server. Only their hashes are kept, and every comparison takes the same time.</summary>
public sealed class ApiKeys
{
    private const string HashPrefix = "sha256:";
    private const int MaxFileBytes = 1 << 20;

    private readonly byte[][] _hashes;

    private ApiKeys(byte[][] hashes) => _hashes = hashes;

    /// <summary>A file with one key a line, or <c>sha256:</c> and the key's SHA-256 in hexadecimal; # starts a comment line.</summary>
    /// <exception cref="DataFileException">The file cannot be read, holds no key, or a malformed hash.</exception>
    public static ApiKeys Load(string path)
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
        var hashes = new List<byte[]>();
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].Trim();
            if (line.Length > 0 && line[0] != '#')
                hashes.Add(line.StartsWith(HashPrefix, StringComparison.Ordinal) ? ParseHash(line[HashPrefix.Length..], path, i + 1) : Hash(line));
        }
        return hashes.Count > 0 ? new ApiKeys([.. hashes]) : throw new DataFileException(path, "holds no key; write one a line");
    }

    /// <summary>Whether a key is one of them; takes as long for a wrong key as for a right one.</summary>
    public bool Accept(ReadOnlySpan<char> key)
    {
        byte[] hash = Hash(key);
        bool found = false;
        foreach (byte[] known in _hashes)
            found |= CryptographicOperations.FixedTimeEquals(hash, known);
        return found;
    }

    private static byte[] Hash(ReadOnlySpan<char> key)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(key)];
        Encoding.UTF8.GetBytes(key, bytes);
        return SHA256.HashData(bytes);
    }

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
