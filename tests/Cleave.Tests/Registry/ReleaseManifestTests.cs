using Cleave.Formats.Durable;
using Cleave.Registry;
using Cleave.Tests.Formats.Durable;

namespace Cleave.Tests.Registry;

public sealed class ReleaseManifestTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public ReleaseManifestTests()
    {
        Put("modules/intent/model.safetensors", "weights");
        Put("modules/intent/config.json", "{}");
        Put("Zebra", "z");
        Put("alpha", "a");
        Put("timings.json", "1 ms");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_release_is_written_read_and_verified()
    {
        ReleaseManifest written = Make();
        written.Write(_folder.Path);
        Assert.Equal(["Zebra", "alpha", "modules/intent/config.json", "modules/intent/model.safetensors"], written.Entries.Select(e => e.Path));
        Assert.Equal(["timings.json"], written.Measured);
        Assert.Equal(new ReleaseEntry("alpha", 1, Hashing.Sha256("a"u8)), written.Entries[1]);
        ReleaseManifest read = ReleaseManifest.Verify(_folder.Path);
        Assert.Equal((written.Hash, "support", "1.0.0", 7UL), (read.Hash, read.Name, read.Version, read.Seed));
    }

    [Fact] // sha256sum of the canonical text, written out by hand
    public void The_hash_is_that_of_the_canonical_json()
    {
        var manifest = new ReleaseManifest("r", "1", 5, [new("b", 1, Hashing.Sha256("b"u8)), new("a", 0, Hashing.Sha256(""u8))], ["m"]);
        string text = $$"""{"files":[{"bytes":0,"path":"a","sha256":"{{Hashing.Sha256(""u8)}}"},{"bytes":1,"path":"b","sha256":"{{Hashing.Sha256("b"u8)}}"}],"format":1,"measured":["m"],"name":"r","seed":5,"version":"1"}""";
        Assert.Equal(Hashing.Sha256(System.Text.Encoding.UTF8.GetBytes(text)), manifest.Hash);
    }

    [Fact]
    public void Measured_files_locks_and_half_written_ones_do_not_count()
    {
        ReleaseManifest first = Make();
        first.Write(_folder.Path);
        Put("timings.json", "2 ms");
        Put(FolderLock.FileName, "");
        Put("modules/model.bin.partial", "half");
        Assert.Equal(first.Hash, ReleaseManifest.Verify(_folder.Path).Hash);
        Assert.Equal(first.Hash, Make().Hash);
    }

    [Fact]
    public void The_first_file_that_is_wrong_is_named()
    {
        Make().Write(_folder.Path);
        Put("modules/intent/model.safetensors", "weighty");
        Assert.Contains("modules/intent/model.safetensors has been changed", Complaint(), StringComparison.Ordinal);
        Put("extra", "x");
        Assert.Contains("extra does not belong", Complaint(), StringComparison.Ordinal);
        File.Delete(_folder.File("alpha"));
        Assert.Contains("alpha is missing", Complaint(), StringComparison.Ordinal);
        Put("alpha", "a");
        File.Delete(_folder.File("extra"));
        Put("modules/intent/model.safetensors", "weights");
        File.Delete(_folder.File("timings.json"));
        Assert.Contains("timings.json is missing", Complaint(), StringComparison.Ordinal);
        Put("timings.json", "");
        ReleaseManifest.Verify(_folder.Path);
        File.CreateSymbolicLink(_folder.File("link"), _folder.File("alpha"));
        Assert.Contains("link is a link", Complaint(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_manifest_that_has_been_edited_is_refused()
    {
        Assert.Contains("is not a release", Complaint(), StringComparison.Ordinal);
        Make().Write(_folder.Path);
        string path = _folder.File(ReleaseManifest.FileName), whole = File.ReadAllText(path);
        foreach ((string from, string to) in new[] { ("\"seed\": 7", "\"seed\": 8"), ("\"alpha\"", "\"../alpha\""), ("\"alpha\"", "\"/alpha\""), ("\"format\": 1", "\"format\": 2"),
            ("\"bytes\": 1", "\"bytes\": -1"), ("\"files\"", "\"file\""), ("{", "[") })
        {
            string edited = whole.Replace(from, to, StringComparison.Ordinal);
            Assert.NotEqual(whole, edited);
            File.WriteAllText(path, edited);
            Assert.Contains("is not a release's manifest", Complaint(), StringComparison.Ordinal);
        }
    }

    private ReleaseManifest Make() => ReleaseManifest.Of(_folder.Path, "support", "1.0.0", 7, ["timings.json"]);

    private string Complaint()
    {
        string message = Assert.Throws<CleaveException>(() => ReleaseManifest.Verify(_folder.Path)).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }

    private void Put(string name, string content)
    {
        string path = _folder.File(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }
}
