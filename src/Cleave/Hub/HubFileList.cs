using System.Globalization;
using Cleave.Json;

namespace Cleave.Hub;

/// <summary>Reads the pages of a repository's list of files and checks what they say before anything is made of it.</summary>
internal sealed class HubFileList(string what)
{
    private const int MostFiles = 1_000_000;
    private readonly List<HubFile> _files = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    public IReadOnlyList<HubFile> Files => _files;

    /// <summary>Adds a page: <c>[{"type": "file", "path", "size", "oid", "lfs": {"oid", "size"}?}, …]</c>.</summary>
    public void Add(JsonCursor page)
    {
        foreach (JsonCursor item in page.Items())
        {
            if (item["type"].Text() != "file")
                continue;
            string path = item["path"].Text();
            if (!SafePath.IsSafe(path))
                throw new HubException($"{what}: lists a file '{Shown(path)}', which would lie outside of its folder; nothing was fetched");
            if (!_names.Add(path) || _files.Count == MostFiles)
                throw new HubException($"{what}: lists '{Shown(path)}' twice, or too many files; nothing was fetched");
            JsonCursor content = item.Find("lfs") ?? item;
            string hash = content["oid"].Text();
            hash = hash.StartsWith("sha256:", StringComparison.Ordinal) ? hash["sha256:".Length..] : hash;
            if (!BlobHash.IsValid(hash))
                throw content["oid"].Expected("a SHA-256 or a git object's name");
            _files.Add(new HubFile(path, content["size"].Integer(0), new BlobHash(hash)));
        }
    }

    /// <summary>Compares what the hub says with the content of a file with what it said in the list.</summary>
    public static void Check(HttpResponseMessage answer, HubListing listing, HubFile file)
    {
        bool redirects = (int)answer.StatusCode / 100 == 3;
        if (!redirects && !answer.IsSuccessStatusCode)
            return;
        string what = $"{HubReference.Prefix}{listing.Repository}:{file.Path}";
        if (HubAnswers.Header(answer, "X-Repo-Commit") is { } commit && commit != listing.Commit)
            throw new HubException($"{what}: the server gives commit {Shown(commit)} where {listing.Commit} was asked for");
        string? linked = HubAnswers.Header(answer, "X-Linked-Etag");
        string? hash = HubAnswers.HashOf(linked ?? (redirects ? null : HubAnswers.Header(answer, "ETag")));
        if (hash is not null && hash != file.Hash.Hex && (linked is not null || hash.Length == file.Hash.Hex.Length && BlobHash.IsValid(hash)))
            throw new HubException($"{what}: the server gives content {Shown(hash)} where its list says {file.Hash.Hex}; try again later");
        if (HubAnswers.Header(answer, "X-Linked-Size") is { } size && size != file.Bytes.ToString(CultureInfo.InvariantCulture))
            throw new HubException($"{what}: the server gives {Shown(size)} bytes where its list says {file.Bytes}; try again later");
    }

    private static string Shown(string text) => new([.. text.Where(c => !char.IsControl(c)).Take(100)]);
}
