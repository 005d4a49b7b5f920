using Cleave.Formats.Durable;
using Cleave.Registry;
using Cleave.Tests.Formats.Durable;

namespace Cleave.Tests.Registry;

public sealed class BlobStoreTests : IDisposable
{
    private const string Abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-4
    private readonly TemporaryFolder _folder = new();
    private readonly BlobStore _store;

    public BlobStoreTests() => _store = new BlobStore(_folder.File("store"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_content_is_kept_once_under_its_hash()
    {
        Assert.Empty(_store.Hashes());
        Assert.False(_store.Contains(Abc));
        string file = _folder.File("abc");
        File.WriteAllText(file, "abc");
        Assert.Equal(Abc, _store.Put("abc"u8.ToArray()));
        Assert.Equal(Abc, _store.PutFile(file));
        Assert.Equal([Abc], _store.Hashes());
        Assert.Equal(Path.Combine(_store.Root, "sha256", "ba", Abc), Assert.Single(Directory.GetFiles(_store.Root, "*", SearchOption.AllDirectories)));
        Assert.Equal("abc"u8.ToArray(), _store.Read(Abc));
        _store.Export(Abc, _folder.File("out/copy"));
        Assert.Equal("abc", File.ReadAllText(_folder.File("out/copy")));
        _store.Delete(Abc);
        _store.Delete(Abc);
        Assert.Contains("has no content", Assert.Throws<CleaveException>(() => _store.Read(Abc)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_content_is_not_given_out()
    {
        _store.Put("abc"u8.ToArray());
        File.WriteAllText(_store.PathOf(Abc), "abd");
        Assert.Contains("is damaged", Assert.Throws<CleaveException>(() => _store.Read(Abc)).Message, StringComparison.Ordinal);
        Assert.Throws<CleaveException>(() => _store.Export(Abc, _folder.File("copy")));
        Assert.False(File.Exists(_folder.File("copy")));
        _store.Put("abc"u8.ToArray());
        Assert.Equal("abc"u8.ToArray(), _store.Read(Abc));
    }

    [Fact]
    public void A_failed_arrival_leaves_nothing()
    {
        Assert.Throws<CleaveException>(() => _store.Put(new Failing()));
        Assert.Empty(Directory.GetFiles(_store.Root, "*", SearchOption.AllDirectories));
        Assert.Throws<CleaveException>(() => _store.PutFile(_folder.File("none")));
    }

    [Fact]
    public void A_sweep_keeps_what_is_referred_to()
    {
        string other = _store.Put("other"u8.ToArray());
        _store.Put("abc"u8.ToArray());
        File.WriteAllText(Path.Combine(_store.Root, "arriving", "1-1.partial"), "half");
        Assert.Equal([other], _store.Sweep(new HashSet<string> { Abc }));
        Assert.Equal(_store.PathOf(Abc), Assert.Single(Directory.GetFiles(_store.Root, "*", SearchOption.AllDirectories)));
        Assert.Equal(other, _store.Put("other"u8.ToArray()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("../../../../../../../../../../../../../../../../../etc/passwd00000")]
    [InlineData("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD")]
    public void What_is_not_a_hash_never_becomes_a_path(string name) => Assert.Throws<ArgumentException>(() => _store.PathOf(name));

    private sealed class Failing : MemoryStream
    {
        public override int Read(Span<byte> buffer) => throw new IOException("the cable");
    }
}
