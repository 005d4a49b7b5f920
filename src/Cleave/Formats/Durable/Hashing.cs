using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Cleave.Formats.Durable;

/// <summary>SHA-256 (FIPS 180-4) as 64 lowercase hexadecimal digits: the name of content everywhere in the project.</summary>
public static class Hashing
{
    public const int HexLength = 64;

    public static string Sha256(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>Reads the stream from where it stands to its end.</summary>
    public static string Sha256(Stream stream) => Convert.ToHexStringLower(SHA256.HashData(stream));

    /// <summary>The hash of a document's canonical form, see <see cref="CanonicalJson"/>.</summary>
    public static string Sha256(JsonNode document) => Sha256(CanonicalJson.ToBytes(document));

    /// <exception cref="CleaveException">The file is missing or cannot be read.</exception>
    public static string Sha256File(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
            return Sha256(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Whether the text is a hash as this class writes it; what comes from outside is checked before it becomes a path.</summary>
    public static bool IsSha256(string? text) =>
        text is { Length: HexLength } && text.All(char.IsAsciiHexDigitLower);
}
