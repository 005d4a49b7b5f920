using System.Text;
using Cleave.Data.Reading;

namespace Cleave.Tests.Data;

public sealed class RowReaderTests : IDisposable
{
    private readonly DataFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string Show(IEnumerable<Row> rows) =>
        string.Join(" | ", rows.Select(r => $"{r.Line}:" + string.Join(",", r.Names.Select(n => $"{n}={r[n] ?? "null"}"))));

    [Theory]
    [InlineData("a.jsonl")]
    [InlineData("a.jsonl.gz")]
    public void Json_lines_keep_order_raw_values_and_line_numbers(string name)
    {
        string path = _folder.Write(name, "{\"text\":\"caf\\u00e9\",\"n\":1.50}\r\n\n  \n{\"n\":null,\"list\":[1, {\"a\":\"é\"}],\"ok\":true}");
        Assert.Equal("1:text=café,n=1.50 | 4:n=null,list=[1, {\"a\":\"é\"}],ok=true", Show(RowReader.Read(path)));
    }

    [Theory]
    [InlineData("a.csv")]
    [InlineData("a.csv.gz")]
    public void Csv_follows_rfc_4180_with_the_line_a_record_starts_on(string name)
    {
        string path = _folder.Write(name, "text,label\r\nplain,x\n\"two\nlines, \"\"quoted\"\"\",y\n\n5\" pipe,z\n\"\",w");
        Assert.Equal("2:text=plain,label=x | 3:text=two\nlines, \"quoted\",label=y | 6:text=5\" pipe,label=z | 7:text=,label=w", Show(RowReader.Read(path)));
    }

    [Fact]
    public void Tabs_have_no_quoting_and_a_byte_order_mark_is_skipped()
    {
        string path = _folder.Write("a.tsv", "\uFEFFtext\tlabel\r\n\"a\t1\r\nsay \"b\"\t0\r\n");
        Assert.Equal("2:text=\"a,label=1 | 3:text=say \"b\",label=0", Show(RowReader.Read(path)));
    }

    [Fact]
    public void Text_files_have_a_row_a_line_and_headerless_tables_number_their_columns()
    {
        Assert.Equal("1:text=one | 3:text=two ", Show(RowReader.Read(_folder.Write("a.txt", "one\n\ntwo \n"))));
        Assert.Equal("1:1=g,2=x | 2:1=h,2=y", Show(RowReader.Read(_folder.Write("b.tsv", "g\tx\nh\ty\n"), header: false)));
    }

    [Theory]
    [InlineData("a.jsonl", "", "the file is empty")]
    [InlineData("a.csv", "", "the file is empty")]
    [InlineData("a.csv", "text,label\n", "no rows of data")]
    [InlineData("a.tsv", "text\tlabel\n\n", "no rows of data")]
    [InlineData("a.csv", "text,text\na,b", ":1: the header names 'text' twice")]
    [InlineData("a.csv", "text,label\na,b\nc", ":3: has 1 fields where the first line has 2")]
    [InlineData("a.tsv", "text\tlabel\na\tb\tc", ":2: has 3 fields where the first line has 2")]
    [InlineData("a.csv", "text,label\na,b\n\"c,d\ne,f\n", ":3: a quoted field is opened here and never closed")]
    [InlineData("a.csv", "text,label\na,b\n\"c\"d,e\n", ":3: text follows the closing quote")]
    [InlineData("a.jsonl", "{\"a\":1}\n{\"a\":", ":2: is not one JSON object on a line")]
    [InlineData("a.jsonl", "[{\"a\":1}]", ":1: holds a JSON array where a JSON object is expected")]
    [InlineData("a.jsonl", "{\"a\":1} {\"a\":2}", ":1: is not one JSON object on a line")]
    [InlineData("a.jsonl", "{\"a\":1,\"a\":2}", ":1: names 'a' twice")]
    [InlineData("a.jsonl", "{\"a\":\"\\ud800\"}", "half of a surrogate pair")]
    [InlineData("a.parquet", "PAR1", "the extension '.parquet' is not a data format")]
    [InlineData("a.json", "{}", "did you mean '.jsonl'?")]
    public void Malformed_files_say_what_is_wrong_and_where(string name, string content, string expected) =>
        Assert.Contains(expected, DataFolder.ErrorOf(_folder.Write(name, content)).Message);

    [Theory]
    [InlineData("a.jsonl", "{\"text\":\"x\"}\n{\"text\":\"y", "\"}\n", 2)]
    [InlineData("a.csv", "text\nab\n\"c\nd", "\"\n", 4)]
    [InlineData("a.tsv", "text\nab", "\n", 2)]
    [InlineData("a.txt", "one\n\nthr", "ee\n", 3)]
    public void Invalid_utf8_is_an_error_with_its_line(string name, string before, string after, long line)
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(before), 0xC3, 0x28, .. Encoding.UTF8.GetBytes(after)];
        DataFileException error = DataFolder.ErrorOf(_folder.Write(name, bytes));
        Assert.Equal(line, error.Line);
        Assert.Contains("not valid UTF-8", error.Message);
    }

    [Fact]
    public void Utf16_is_named()
    {
        byte[] bytes = [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes("text\nx\n")];
        Assert.Contains("is UTF-16", DataFolder.ErrorOf(_folder.Write("a.csv", bytes)).Message);
    }

    [Fact]
    public void Truncated_or_damaged_gzip_is_an_error_and_members_are_joined()
    {
        // Rows of one length, so that a cut can fall on the end of a row.
        byte[] text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 20000).Select(i => $"{{\"text\":\"row {i * 7919 % 10007:00000}\"}}\n")));
        byte[] packed = DataFolder.Gzip(text);
        string path = Path.Combine(_folder.Root, "cut.txt.gz");
        foreach (int kept in new[] { 1, 9, 10, 11, 40, packed.Length / 2, packed.Length - 9, packed.Length - 8, packed.Length - 4, packed.Length - 1 })
        {
            File.WriteAllBytes(path, packed[..kept]);
            Assert.Contains("damaged or cut short", DataFolder.ErrorOf(path).Message);
        }
        packed[packed.Length / 2] ^= 0x10;
        File.WriteAllBytes(path, packed);
        Assert.Contains("damaged or cut short", DataFolder.ErrorOf(path).Message);
        File.WriteAllText(path, "not gzip at all");
        Assert.Contains("damaged or cut short", DataFolder.ErrorOf(path).Message);
        File.WriteAllBytes(path, []);
        Assert.Contains("the file is empty", DataFolder.ErrorOf(path).Message);
        File.WriteAllBytes(path, [.. DataFolder.Gzip("one\n"u8.ToArray()), .. DataFolder.Gzip("two\n"u8.ToArray())]);
        Assert.Equal(["one", "two"], RowReader.Read(path).Select(r => r["text"]));
    }

    [Theory]
    [InlineData("a.jsonl.gz", "{\"text\":\"", "the line is longer than 16 MB")]
    [InlineData("a.csv.gz", "text\n\"", "longer than 16 MB")]
    public void A_row_without_end_is_refused_in_bounded_memory(string name, string start, string expected)
    {
        byte[] bytes = new byte[50_000_000];
        Array.Fill(bytes, (byte)'x');
        Encoding.UTF8.GetBytes(start).CopyTo(bytes, 0);
        if (name.StartsWith("a.csv", StringComparison.Ordinal))
        {
            for (int i = 1000; i < bytes.Length; i += 1000)
                bytes[i] = (byte)'\n';
        }
        string path = _folder.Write(name, bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains(expected, DataFolder.ErrorOf(path).Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 140_000_000);
    }

    [Fact]
    public void Missing_files_and_folders_suggest_a_neighbour()
    {
        string path = _folder.Write("train.jsonl", "{}");
        Assert.Contains("did you mean 'train.jsonl'?", DataFolder.ErrorOf(Path.Combine(_folder.Root, "trian.jsonl")).Message);
        Directory.CreateDirectory(Path.Combine(_folder.Root, "d.csv"));
        Assert.Contains("is a folder", DataFolder.ErrorOf(Path.Combine(_folder.Root, "d.csv")).Message);
        Assert.NotNull(path);
    }

    [Fact]
    public void Rows_are_streamed()
    {
        string path = _folder.Write("a.jsonl", "{\"a\":1}\n{\"a\":2}\nbroken");
        Assert.Equal(["1", "2"], RowReader.Read(path).Take(2).Select(r => r["a"]));
    }

    [Fact]
    public void Any_table_survives_csv_writing_and_reading()
    {
        var rng = new Cleave.Numerics.Rng(3);
        string[] pieces = ["a", ",", "\"", "\n", "\r\n", "é", "\t", " ", "", "x y", "日本"];
        for (int round = 0; round < 50; round++)
        {
            string[][] table = [.. Enumerable.Range(0, 12).Select(_ => Enumerable.Range(0, 3)
                .Select(_ => "v" + string.Concat(Enumerable.Range(0, rng.NextInt(6)).Select(_ => pieces[rng.NextInt(pieces.Length)]))).ToArray())];
            string text = "a,b,c\n" + string.Concat(table.Select(r => string.Join(",", r.Select(f => $"\"{f.Replace("\"", "\"\"")}\"")) + "\r\n"));
            Row[] rows = [.. RowReader.Read(_folder.Write("t.csv", text))];
            Assert.Equal(table, rows.Select(r => r.Values.ToArray()));
            long[] starts = [.. rows.Select(r => r.Line)];
            Assert.Equal(starts.Order(), starts);
        }
    }
}
