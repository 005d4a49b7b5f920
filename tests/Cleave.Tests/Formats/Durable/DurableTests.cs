using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Cleave.Formats.Durable;
using Cleave.Numerics;

namespace Cleave.Tests.Formats.Durable;

public sealed class DurableTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory] // RFC 3720, appendix B.4, and the check value of the CRC catalogue
    [InlineData("313233343536373839", 0xE3069283)]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", 0x8A9136AA)]
    [InlineData("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", 0x62A8AB43)]
    [InlineData("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", 0x46DD794E)]
    [InlineData("", 0)]
    public void Crc32C_matches_the_published_values(string hex, uint expected) =>
        Assert.Equal(expected, Crc32C.Compute(Convert.FromHexString(hex)));

    [Fact]
    public void Crc32C_of_parts_is_the_crc_of_the_whole()
    {
        byte[] bytes = new byte[200];
        var rng = new Rng(1);
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)rng.NextInt(256);
        for (int cut = 0; cut <= bytes.Length; cut++)
            Assert.Equal(Crc32C.Compute(bytes), Crc32C.Append(Crc32C.Compute(bytes.AsSpan(0, cut)), bytes.AsSpan(cut)));
    }

    [Fact] // FIPS 180-4's example message
    public void Sha256_of_text_stream_and_file_agree()
    {
        const string Expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        string path = _folder.File("abc");
        File.WriteAllText(path, "abc");
        Assert.Equal(Expected, Hashing.Sha256("abc"u8));
        Assert.Equal(Expected, Hashing.Sha256(new MemoryStream("abc"u8.ToArray())));
        Assert.Equal(Expected, Hashing.Sha256File(path));
        Assert.True(Hashing.IsSha256(Expected));
        Assert.False(Hashing.IsSha256(Expected.ToUpperInvariant()));
        Assert.False(Hashing.IsSha256("../" + Expected[3..]));
        Assert.False(Hashing.IsSha256(null));
        Assert.Contains(path + ".none", Assert.Throws<CleaveException>(() => Hashing.Sha256File(path + ".none")).Message, StringComparison.Ordinal);
    }

    [Fact] // the documents of RFC 8785, sections 3.2.2 and 3.2.3
    public void Canonical_json_matches_the_rfc()
    {
        const string Text = """
            {"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
             "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}
            """;
        Assert.Equal("""{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}""",
            CanonicalJson.ToText(JsonNode.Parse(Text)));
        Assert.Equal("{\"\\r\":1,\"1\":2,\"\u0080\":3,\"ö\":4,\"€\":5,\"😀\":6,\"\ufb33\":7}",
            CanonicalJson.ToText(JsonNode.Parse("""{"€":5,"\r":1,"\ufb33":7,"1":2,"😀":6,"\u0080":3,"ö":4}""")));
    }

    [Theory] // RFC 8785, appendix B: the bits of a double and its ECMAScript form
    [InlineData(0x0000000000000000, "0")]
    [InlineData(0x8000000000000000, "0")]
    [InlineData(0x0000000000000001, "5e-324")]
    [InlineData(0x8000000000000001, "-5e-324")]
    [InlineData(0x7fefffffffffffff, "1.7976931348623157e+308")]
    [InlineData(0x4340000000000000, "9007199254740992")]
    [InlineData(0x4430000000000000, "295147905179352830000")]
    [InlineData(0x44b52d02c7e14af5, "9.999999999999997e+22")]
    [InlineData(0x44b52d02c7e14af6, "1e+23")]
    [InlineData(0x444b1ae4d6e2ef4e, "999999999999999700000")]
    [InlineData(0x444b1ae4d6e2ef50, "1e+21")]
    [InlineData(0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7")]
    [InlineData(0x3eb0c6f7a0b5ed8d, "0.000001")]
    [InlineData(0x41b3de4355555553, "333333333.3333332")]
    [InlineData(0xbecbf647612f3696, "-0.0000033333333333333333")]
    public void Numbers_are_printed_as_the_rfc_prints_them(ulong bits, string expected) =>
        Assert.Equal(expected, CanonicalJson.Number(BitConverter.UInt64BitsToDouble(bits)));

    [Fact]
    public void Integers_of_64_bits_are_exact_and_what_is_not_finite_is_refused()
    {
        Assert.Equal("[18446744073709551615,-9223372036854775808,7]",
            CanonicalJson.ToText(new JsonArray(ulong.MaxValue, long.MinValue, (byte)7)));
        Assert.Throws<ArgumentException>(() => CanonicalJson.Number(double.NaN));
        var rng = new Rng(3);
        for (int i = 0; i < 2000; i++)
        {
            double value = BitConverter.UInt64BitsToDouble(rng.NextUInt64());
            if (double.IsFinite(value))
                Assert.Equal(value, double.Parse(CanonicalJson.Number(value)));
        }
    }

    [Fact]
    public void Space_is_required_with_both_numbers_in_the_message()
    {
        DiskSpace.Require(_folder.File("not/yet/there"), 1);
        MemoryPlan.Require(1, "a byte", "");
        Assert.Contains("9223372036.9 GB of memory", Assert.Throws<CapacityException>(() => MemoryPlan.Require(long.MaxValue, "a lot", "want less")).Message);
        var error = Assert.Throws<CapacityException>(() => DiskSpace.Require(_folder.Path, long.MaxValue));
        Assert.Matches(@"needs 9223372036\.9 GB .* and [0-9.]+ [GM]B are free", error.Message);
    }

    [Fact]
    public void A_folder_appears_whole_or_not_at_all()
    {
        string path = _folder.File("out");
        Assert.Throws<InvalidDataException>(() => AtomicFolder.Create(path, f =>
        {
            File.WriteAllText(Path.Combine(f, "half"), "x");
            throw new InvalidDataException("the build failed");
        }));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));

        AtomicFolder.Create(path, f => File.WriteAllText(Path.Combine(f, "a"), "1"));
        Assert.Contains("exists already", Assert.Throws<CleaveException>(() => AtomicFolder.Create(path, _ => { })).Message, StringComparison.Ordinal);
        AtomicFolder.Create(path, f => File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(f, "sub")).FullName, "b"), "2"), overwrite: true);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
        Assert.Equal([Path.Combine(path, "sub")], Directory.GetFileSystemEntries(path));
    }

    [Fact]
    public void What_a_killed_build_leaves_is_cleared_and_the_old_folder_comes_back()
    {
        string path = _folder.File("out");
        Directory.CreateDirectory(path + ".previous.partial");
        File.WriteAllText(Path.Combine(path + ".previous.partial", "old"), "kept");
        Directory.CreateDirectory(path + ".partial");
        AtomicFolder.Recover(path);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
        Assert.Equal("kept", File.ReadAllText(Path.Combine(path, "old")));
    }

    [Fact]
    public void A_locked_folder_is_refused_in_one_line_that_names_it_and_the_holder()
    {
        string folder = _folder.File("job");
        using (FolderLock.Acquire(folder))
        {
            var error = Assert.Throws<CleaveException>(() => FolderLock.Acquire(folder));
            Assert.StartsWith($"{folder}: in use by process {Environment.ProcessId} ", error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }
        FolderLock.Acquire(folder).Dispose();
    }

    [Fact]
    public void A_lock_goes_with_the_process_that_held_it()
    {
        if (!File.Exists("/usr/bin/flock"))
            return; // only util-linux offers another process that takes this kind of lock
        string folder = _folder.File("job");
        FolderLock.Acquire(folder).Dispose();
        string file = Path.Combine(folder, FolderLock.FileName);
        using Process other = Process.Start(new ProcessStartInfo("/usr/bin/flock", ["-o", file, "-c", "echo held; exec sleep 60"]) { RedirectStandardOutput = true })!;
        Assert.Equal("held", other.StandardOutput.ReadLine());
        Assert.Throws<CleaveException>(() => FolderLock.Acquire(folder));
        other.Kill(entireProcessTree: true);
        other.WaitForExit();
        FolderLock.Acquire(folder).Dispose();
    }

    [Fact]
    public void An_atomic_file_replaces_the_old_one_only_when_whole()
    {
        string path = _folder.File("sub/file");
        AtomicFile.WriteText(path, "old");
        Assert.Throws<InvalidDataException>(() => AtomicFile.Write(path, s =>
        {
            s.Write("ne"u8);
            throw new InvalidDataException("stopped");
        }));
        Assert.Equal("old", File.ReadAllText(path, Encoding.UTF8));
        Assert.Equal([path], Directory.GetFiles(_folder.File("sub")));
    }
}
