using Cleave.Cli.Shell;
using Cleave.Numerics;

namespace Cleave.Tests.Cli;

public sealed class ShellPartsTests
{
    [Theory]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("", "abc", 3)]
    [InlineData("abcd", "acbd", 1)]
    [InlineData("same", "SAME", 0)]
    public void Edit_distance_follows_the_textbook(string a, string b, int distance)
    {
        Assert.Equal(distance, Nearest.Distance(a, b));
        Assert.Equal(distance, Nearest.Distance(b, a));
    }

    [Fact]
    public void Nothing_near_means_no_suggestion() => Assert.Null(Nearest.To("xyzzy", ["split", "serve"]));

    [Theory]
    [InlineData(0, "0")]
    [InlineData(0.125, "0.13")]
    [InlineData(9999, "9999")]
    [InlineData(12345, "12.3k")]
    [InlineData(1_234_567, "1.23M")]
    [InlineData(2.5e9, "2.5G")]
    public void Counts_are_short(double value, string text) => Assert.Equal(text, Format.Count(value));

    [Theory]
    [InlineData(1023, "1023 B")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(9_223_372_036_854_775_807, "8388608 TiB")]
    public void Bytes_are_binary(long bytes, string text) => Assert.Equal(text, Format.Bytes(bytes));

    [Theory]
    [InlineData(0.4, "0 s")]
    [InlineData(59.2, "59 s")]
    [InlineData(185, "3:05")]
    [InlineData(7385, "2:03:05")]
    [InlineData(180_000, "2 d 02 h")]
    public void Durations_are_short(double seconds, string text) => Assert.Equal(text, Format.Duration(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void Columns_of_numbers_are_aligned_to_the_right()
    {
        using var output = new StringWriter { NewLine = "\n" };
        new TextTable("name", "items").Row("a", "5").Row("long name", "1200").Row("b", "--").Write(output);
        Assert.Equal("name       items\n---------  -----\na              5\nlong name   1200\nb             --\n", output.ToString());
    }

    [Fact]
    public void Progress_on_a_terminal_waits_two_seconds_then_redraws_ten_times_a_second()
    {
        var clock = new ManualClock();
        using var error = new StringWriter { NewLine = "\n" };
        using var streams = new Screen(error);
        using (var line = new ProgressLine(streams, enabled: true, clock))
        {
            line.Report(new ProgressReport("train", 0, 100, "steps"));
            clock.Advance(1.9);
            line.Report(new ProgressReport("train", 19, 100, "steps"));
            Assert.Equal("", error.ToString());
            clock.Advance(0.1);
            line.Report(new ProgressReport("train", 20, 100, "steps", "loss 2.5"));
            Assert.Equal("\rtrain [====                    ] 20%  20/100 steps  10/s  8 s left  loss 2.5\x1b[K", error.ToString());
            clock.Advance(0.05);
            line.Report(new ProgressReport("train", 21, 100, "steps"));
            Assert.DoesNotContain("21/100", error.ToString(), StringComparison.Ordinal);
        }
        Assert.Contains("21/100", error.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("\x1b[K\n", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_elsewhere_is_a_plain_line_every_ten_seconds()
    {
        var clock = new ManualClock();
        using var error = new StringWriter { NewLine = "\n" };
        using var streams = new Streams(TextReader.Null, Stream.Null, error);
        using (var line = new ProgressLine(streams, enabled: true, clock))
        {
            for (int i = 0; i <= 25; i++)
            {
                line.Report(new ProgressReport("pack", 1000 + i, 0, "documents"));
                clock.Advance(1);
            }
        }
        Assert.Equal("pack  1010 documents  1/s  10 s\npack  1020 documents  1/s  20 s\n", error.ToString());
    }

    [Fact]
    public void Progress_can_be_silenced()
    {
        var clock = new ManualClock();
        using var error = new StringWriter();
        using var streams = new Screen(error);
        using (var line = new ProgressLine(streams, enabled: false, clock))
        {
            line.Report(new ProgressReport("a", 0, 2, "steps"));
            clock.Advance(60);
            line.Report(new ProgressReport("a", 1, 2, "steps"));
        }
        Assert.Equal("", error.ToString());
    }

    [Fact]
    public void A_line_is_cut_to_the_terminal()
    {
        var clock = new ManualClock();
        using var error = new StringWriter();
        using var streams = new Screen(error);
        using var line = new ProgressLine(streams, enabled: true, clock);
        line.Report(new ProgressReport(new string('s', 200), 0, 2, "steps"));
        clock.Advance(3);
        line.Report(new ProgressReport(new string('s', 200), 1, 2, "steps"));
        Assert.Equal("\r" + new string('s', 119) + "\x1b[K", error.ToString());
    }

    private sealed class Screen(TextWriter error) : Streams(TextReader.Null, Stream.Null, error)
    {
        public override bool CanRedraw => true;
        public override int Width => 120;
    }

    private sealed class ManualClock : TimeProvider
    {
        private long _now;
        public override long TimestampFrequency => 1_000_000;
        public override long GetTimestamp() => _now;
        public void Advance(double seconds) => _now += (long)Math.Round(seconds * 1e6);
    }
}
