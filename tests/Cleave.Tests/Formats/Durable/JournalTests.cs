using System.Text;
using Cleave.Formats.Durable;

namespace Cleave.Tests.Formats.Durable;

public sealed class JournalTests : IDisposable
{
    private static readonly JournalOptions Options = new("test", Version: 2, FlushEachAppend: false);
    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public JournalTests() => _path = _folder.File("a.journal");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Records_come_back_in_order()
    {
        string[] written = ["", "one", new string('x', 200_000), "four"];
        using (Journal journal = Journal.Open(_path, Options, _ => Assert.Fail("a new journal is empty")))
        {
            foreach (string record in written)
                journal.Append(Encoding.UTF8.GetBytes(record));
        }
        Assert.Equal(written, Reopen(out long cut));
        Assert.Equal(0, cut);
    }

    [Fact]
    public void A_journal_cut_at_every_byte_of_its_last_record_loses_that_record_only()
    {
        long before = Write("first", "second");
        long after = Write("the third and last");
        byte[] whole = File.ReadAllBytes(_path);
        for (long length = before; length < after; length++)
        {
            File.WriteAllBytes(_path, whole[..(int)length]);
            Assert.Equal(["first", "second"], Reopen(out long cut));
            Assert.Equal(length - before, cut);
            Write("again");
            Assert.Equal(["first", "second", "again"], Reopen(out _));
        }
    }

    [Fact]
    public void A_tail_of_zeros_or_noise_is_cut_off()
    {
        Write("kept");
        byte[] whole = File.ReadAllBytes(_path);
        foreach (byte filler in new byte[] { 0, 0xFF, 7 })
        {
            File.WriteAllBytes(_path, [.. whole, .. Enumerable.Repeat(filler, 100_000)]);
            Assert.Equal(["kept"], Reopen(out long cut));
            Assert.Equal(100_000, cut);
        }
    }

    [Fact]
    public void Damage_before_a_sound_record_is_an_error_that_names_the_offset()
    {
        long first = Write();
        long second = Write("a record to damage");
        Write("a sound one");
        byte[] whole = File.ReadAllBytes(_path);
        for (long at = first; at < second; at++)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 0x40;
            File.WriteAllBytes(_path, damaged);
            var error = Assert.Throws<CleaveException>(() => Reopen(out _));
            Assert.Contains($"byte {first} ", error.Message, StringComparison.Ordinal);
            Assert.Contains($"byte {second} ", error.Message, StringComparison.Ordinal);
            Assert.Equal(damaged, File.ReadAllBytes(_path));
        }
    }

    [Fact]
    public void A_torn_record_whose_payload_looks_like_a_record_is_still_torn()
    {
        Write("inner");
        byte[] inner = File.ReadAllBytes(_path);
        string outer = _folder.File("outer.journal");
        using (Journal journal = Journal.Open(outer, Options, _ => { }))
            journal.Append(inner);
        using (var stream = new FileStream(outer, FileMode.Open))
            stream.SetLength(stream.Length - 1);
        using Journal again = Journal.Open(outer, Options, _ => Assert.Fail("the only record is torn"));
        Assert.True(again.CutBytes > inner.Length);
    }

    [Fact]
    public void Every_damaged_header_byte_is_noticed()
    {
        long end = Write();
        byte[] whole = File.ReadAllBytes(_path);
        for (int at = 0; at < end; at++)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 1;
            File.WriteAllBytes(_path, damaged);
            Assert.Throws<CleaveException>(() => Reopen(out _));
        }
    }

    [Fact]
    public void Another_kind_and_a_newer_version_are_refused()
    {
        Write("x");
        Assert.Contains("kind 'test', not 'other'",
            Assert.Throws<CleaveException>(() => Journal.Open(_path, new("other"), _ => { })).Message, StringComparison.Ordinal);
        Assert.Contains("newer",
            Assert.Throws<CleaveException>(() => Journal.Open(_path, new("test", 1), _ => { })).Message, StringComparison.Ordinal);
        using Journal older = Journal.Open(_path, new("test", 3), _ => { });
        Assert.Equal(2, older.Version);
    }

    [Fact]
    public void One_writer_and_any_number_of_readers()
    {
        using Journal journal = Journal.Open(_path, Options, _ => { });
        journal.Append("one"u8);
        var error = Assert.Throws<CleaveException>(() => Journal.Open(_path, Options, _ => { }));
        Assert.Contains($"process {Environment.ProcessId}", error.Message, StringComparison.Ordinal);
        var seen = new List<string>();
        Journal.Read(_path, Options, r => seen.Add(Encoding.UTF8.GetString(r.Span)));
        Assert.Equal(["one"], seen);
    }

    /// <summary>Appends and returns the file's length.</summary>
    private long Write(params string[] records)
    {
        using (Journal journal = Journal.Open(_path, Options, _ => { }))
        {
            foreach (string record in records)
                journal.Append(Encoding.UTF8.GetBytes(record));
        }
        return new FileInfo(_path).Length;
    }

    private List<string> Reopen(out long cut)
    {
        var records = new List<string>();
        using Journal journal = Journal.Open(_path, Options, r => records.Add(Encoding.UTF8.GetString(r.Span)));
        cut = journal.CutBytes;
        return records;
    }
}
