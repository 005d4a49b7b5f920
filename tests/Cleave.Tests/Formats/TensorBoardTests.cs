using System.Text.Json;
using Cleave.Formats.TensorBoard;

namespace Cleave.Tests.Formats;

public sealed class TensorBoardTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-events").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [SharedFact]
    public void Reads_what_the_real_libraries_wrote()
    {
        string folder = Shared.Data("tensorboard-events");
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json")));
        foreach (JsonProperty file in expected.RootElement.EnumerateObject())
        {
            EventLog log = EventReader.Read(Path.Combine(folder, file.Name));
            Assert.False(log.Truncated);
            Assert.Equal(file.Value.GetProperty("file_version").GetString(), log.FileVersion);
            Assert.Equal(file.Value.GetProperty("records").GetInt32(), log.Records);
            Assert.Equal(file.Value.GetProperty("scalars_total").GetInt32(), log.Scalars.Count);
            int index = 0;
            foreach (JsonElement scalar in file.Value.GetProperty("scalars").EnumerateArray())
            {
                ScalarEvent read = log.Scalars[index++];
                Assert.Equal((scalar[0].GetInt64(), scalar[1].GetString()), (read.Step, read.Tag));
                Assert.Equal(scalar[2].GetDouble(), read.Value, 5e-6 * Math.Max(1, Math.Abs(scalar[2].GetDouble())));
            }
        }
    }

    /// <summary>The same values written again in the same order give the same bytes as PyTorch's writer, times apart.</summary>
    [SharedFact]
    public void Writes_the_bytes_that_a_real_library_writes()
    {
        string original = Shared.Data("tensorboard-events/pytorch/strict/run_1/events.out.tfevents.1622543341.janoshs-mbp.lan.86862.0");
        EventLog log = EventReader.Read(original);
        var clock = new SteppedClock { Seconds = 1622543341.5 };
        using (var writer = new EventWriter(_folder, clock))
        {
            foreach (ScalarEvent point in log.Scalars)
                writer.Scalar(point.Tag, point.Value, point.Step);
        }
        string written = Directory.GetFiles(_folder).Single();
        Assert.Equal(WithoutTimes(original), WithoutTimes(written));
        Assert.Equal(log.Scalars.Select(s => s with { WallTime = 1622543341.5 }), EventReader.Read(written).Scalars);
    }

    [Fact]
    public void A_resumed_run_continues_its_curves_in_a_new_file()
    {
        for (int run = 0; run < 3; run++)
        {
            using var writer = new EventWriter(_folder, new SteppedClock { Seconds = 1000 });
            writer.Scalar("loss", run + 0.5, run);
        }
        Assert.Equal(3, Directory.GetFiles(_folder).Length);
        Assert.Equal([0.5f, 1.5f, 2.5f], EventReader.ReadFolder(_folder).Select(s => s.Value));
    }

    [Fact]
    public void Every_cut_leaves_the_whole_records_before_it()
    {
        byte[] whole = WriteThree();
        string path = Path.Combine(_folder, "cut.tfevents");
        int[] seen = new int[4];
        for (int length = 0; length <= whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            EventLog log = EventReader.Read(path);
            seen[log.Scalars.Count]++;
            Assert.Equal(Enumerable.Range(0, log.Scalars.Count).Select(i => (long)i), log.Scalars.Select(s => s.Step));
        }
        Assert.Equal(1, seen[3]);
        Assert.All(seen, count => Assert.NotEqual(0, count));
    }

    [Fact]
    public void Every_changed_bit_is_noticed()
    {
        byte[] whole = WriteThree();
        string path = Path.Combine(_folder, "flipped.tfevents");
        for (int at = 0; at < whole.Length; at++)
        {
            byte[] changed = [.. whole];
            changed[at] ^= 0x10;
            File.WriteAllBytes(path, changed);
            Assert.Throws<DataFileException>(() => EventReader.Read(path));
        }
    }

    private byte[] WriteThree()
    {
        using var writer = new EventWriter(Path.Combine(_folder, "three"));
        for (int step = 0; step < 3; step++)
            writer.Scalar("loss", 1.0 / (step + 1), step);
        writer.Flush();
        return File.ReadAllBytes(writer.Path);
    }

    /// <summary>The records' data with the eight bytes of the time, which stand first, and the checksums left out.</summary>
    private static List<string> WithoutTimes(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        var records = new List<string>();
        for (int at = 0; at < bytes.Length;)
        {
            int length = (int)BitConverter.ToInt64(bytes, at);
            Assert.Equal(0x09, bytes[at + 12]);
            records.Add(Convert.ToHexString(bytes, at + 21, length - 9));
            at += length + 16;
        }
        return records;
    }

    private sealed class SteppedClock : TimeProvider
    {
        public double Seconds { get; init; }

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddSeconds(Seconds);
    }
}
