using System.Text;
using Cleave.Hub;

namespace Cleave.Tests.Hub;

public sealed class HubPartsTests
{
    [Theory]
    [InlineData("hf:acme/tiny", "acme/tiny", "main", null)]
    [InlineData("hf://acme/tiny", "acme/tiny", "main", null)]
    [InlineData("hf:gpt2", "gpt2", "main", null)]
    [InlineData("hf:acme/tiny@v1.0", "acme/tiny", "v1.0", null)]
    [InlineData("hf:acme/tiny@refs/pr/3:sub/model.gguf", "acme/tiny", "refs/pr/3", "sub/model.gguf")]
    public void A_reference_has_its_parts(string text, string repository, string revision, string? file) =>
        Assert.Equal(new HubReference(repository, revision, file), HubReference.Parse(text));

    [Theory]
    [InlineData("hf:")]
    [InlineData("hf:a/b/c")]
    [InlineData("hf:../x")]
    [InlineData("hf:a--b/c")]
    [InlineData("hf:a/b@")]
    [InlineData("hf:a/b@../x")]
    [InlineData("hf:a/b:../x")]
    [InlineData("hf:a/b:")]
    [InlineData("hf:a b/c")]
    public void What_is_no_reference_is_refused(string text) => Assert.Throws<HubException>(() => HubReference.Parse(text));

    [Fact]
    public void The_environment_means_what_it_means_to_Python()
    {
        string home = Directory.CreateTempSubdirectory("cleave-hub").FullName;
        File.WriteAllText(Path.Combine(home, "token"), " hf_file\n");
        Assert.Equal("hf_file", Read(("HF_HOME", home)).Token);
        Assert.Equal(Path.Combine(home, "hub"), Read(("HF_HOME", home)).Cache);
        HubSettings all = Read(("HF_HOME", home), ("HF_TOKEN", "hf_variable"), ("HF_HUB_CACHE", "/elsewhere"), ("HF_ENDPOINT", "http://mirror:8080/"), ("HF_HUB_OFFLINE", "1"), ("HF_HUB_DOWNLOAD_TIMEOUT", "4"));
        Assert.Equal(("hf_variable", Path.GetFullPath("/elsewhere"), "http://mirror:8080/", true, TimeSpan.FromSeconds(4)), (all.Token, all.Cache, all.Endpoint.ToString(), all.Offline, all.StallTimeout));
        Assert.Null(Read(("HF_HOME", home), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")).Token);
        Assert.EndsWith(Path.Combine("x", "huggingface", "hub"), Read(("XDG_CACHE_HOME", "/x")).Cache, StringComparison.Ordinal);
        Assert.Equal("https://huggingface.co/", Read(("HF_HOME", home)).Endpoint.ToString());
        Assert.Throws<HubException>(() => Read(("HF_ENDPOINT", "mirror")));
        Directory.Delete(home, recursive: true);

        static HubSettings Read(params (string Name, string Value)[] set) => HubSettings.Read(n => set.FirstOrDefault(s => s.Name == n).Value);
    }

    /// <summary>The first is what <c>printf 'hello\n' | git hash-object --stdin</c> prints, the second <c>sha256sum</c>.</summary>
    [Theory]
    [InlineData("ce013625030ba8dba906f756967f9e9ca394464a")]
    [InlineData("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")]
    public void Hashes_are_gits_and_sha256sums(string hex)
    {
        byte[] content = Encoding.ASCII.GetBytes("hello\n");
        using var hash = new BlobHash(hex).Begin(content.Length);
        hash.AppendData(content);
        Assert.True(new BlobHash(hex).Matches(hash));
        hash.AppendData([0]);
        Assert.False(new BlobHash(hex).Matches(hash));
    }

    /// <summary>As Python's fnmatch decides.</summary>
    [Theory]
    [InlineData("*.json", "a/b.json", true)]
    [InlineData("onnx/", "onnx/x/model.onnx", true)]
    [InlineData("model-?.bin", "model-1.bin", true)]
    [InlineData("model-?.bin", "model-12.bin", false)]
    [InlineData("[ab]*", "cab", false)]
    [InlineData("[!ab]*", "cab", true)]
    [InlineData("a.c", "abc", false)]
    [InlineData("[", "[", true)]
    public void Patterns_match_as_Python_matches_them(string pattern, string path, bool expected) =>
        Assert.Equal(expected, new FilePatterns([pattern]).Match(path));
}
