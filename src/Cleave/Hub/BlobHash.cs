using System.Security.Cryptography;
using System.Text;
using Cleave.Formats.Durable;

namespace Cleave.Hub;

/// <summary>
/// The hash that names a file's content on a hub: SHA-256 for a large file (Git LFS), else git's own name for it, the
/// SHA-1 of <c>blob SIZE\0</c> and the content (git-scm.com, "Git Objects").
/// </summary>
/// <param name="Hex">64 or 40 lowercase hexadecimal digits.</param>
public sealed record BlobHash(string Hex)
{
    /// <summary>Whether a text is such a hash; what comes from outside is checked before it becomes a path.</summary>
    public static bool IsValid(string? text) => Hashing.IsSha256(text) || HubReference.IsCommit(text);

    /// <summary>A computation to feed the content to.</summary>
    /// <param name="size">Bytes of the whole content.</param>
    public IncrementalHash Begin(long size)
    {
        if (Hex.Length == Hashing.HexLength)
            return IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
#pragma warning disable CA5350 // git names content by SHA-1; nothing else can be compared with it
        IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        hash.AppendData(Encoding.ASCII.GetBytes(FormattableString.Invariant($"blob {size}\0")));
        return hash;
    }

    /// <summary>Whether the content that was fed is the one that is named.</summary>
    public bool Matches(IncrementalHash hash)
    {
        ArgumentNullException.ThrowIfNull(hash);
        return Convert.ToHexStringLower(hash.GetHashAndReset()) == Hex;
    }
}
