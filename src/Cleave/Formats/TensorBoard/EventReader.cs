using System.Buffers.Binary;
using System.Text;

namespace Cleave.Formats.TensorBoard;

/// <summary>Reads the curves of TensorBoard event files, those with plain values and those with scalar tensors.</summary>
public static class EventReader
{
    private const long MaxRecordBytes = 1 << 28;

    /// <summary>All curves of a run's folder, its files in the order of their names.</summary>
    public static IReadOnlyList<ScalarEvent> ReadFolder(string folder)
    {
        var all = new List<ScalarEvent>();
        foreach (string path in Directory.EnumerateFiles(folder, "*tfevents*").Order(StringComparer.Ordinal))
            all.AddRange(Read(path).Scalars);
        return all;
    }

    /// <exception cref="DataFileException">The file is absent, or a checksum or a record is wrong.</exception>
    public static EventLog Read(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16);
            return Read(stream, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataFileException(path, $"cannot be read: {e.Message}");
        }
    }

    private static EventLog Read(FileStream stream, string path)
    {
        var scalars = new List<ScalarEvent>();
        string version = "";
        int records = 0;
        long whole = 0;
        while (ReadRecord(stream, path) is { } data)
        {
            try
            {
                ParseEvent(data, ref version, scalars);
            }
            catch (InvalidDataException e)
            {
                throw new DataFileException(path, $"the record at byte {whole}: {e.Message}");
            }
            records++;
            whole = stream.Position;
        }
        return new EventLog(version, scalars, records, Truncated: whole < stream.Length);
    }

    /// <returns>Null at the end of the file, be it between two records or inside one.</returns>
    private static byte[]? ReadRecord(FileStream stream, string path)
    {
        long start = stream.Position;
        Span<byte> frame = stackalloc byte[RecordFraming.HeaderBytes];
        if (stream.ReadAtLeast(frame, frame.Length, throwOnEndOfStream: false) < frame.Length)
            return null;
        if (BinaryPrimitives.ReadUInt32LittleEndian(frame[8..]) != RecordFraming.Masked(frame[..8]))
            throw new DataFileException(path, $"the checksum of the record's length at byte {start} is wrong; the file is damaged");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(frame);
        if (length > MaxRecordBytes)
            throw new DataFileException(path, $"the record at byte {start} of {length} bytes is over the limit of {MaxRecordBytes}");
        if ((long)length + RecordFraming.FooterBytes > stream.Length - stream.Position)
            return null;
        var data = new byte[length];
        stream.ReadExactly(data);
        stream.ReadExactly(frame[..RecordFraming.FooterBytes]);
        if (BinaryPrimitives.ReadUInt32LittleEndian(frame) != RecordFraming.Masked(data))
            throw new DataFileException(path, $"the checksum of the record at byte {start} is wrong; the file is damaged");
        return data;
    }

    private static void ParseEvent(ReadOnlySpan<byte> message, ref string version, List<ScalarEvent> scalars)
    {
        double wallTime = 0;
        long step = 0;
        ReadOnlySpan<byte> summary = default;
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            switch (reader.Field, reader.WireType)
            {
                case (1, 1):
                    wallTime = reader.Double;
                    break;
                case (2, 0):
                    step = (long)reader.Number;
                    break;
                case (3, 2):
                    version = Encoding.UTF8.GetString(reader.Bytes);
                    break;
                case (5, 2):
                    summary = reader.Bytes;
                    break;
            }
        }
        var values = new ProtoReader(summary);
        while (values.Next())
        {
            if (values is { Field: 1, WireType: 2 } && ParseValue(values.Bytes) is { } point)
                scalars.Add(new ScalarEvent(point.Tag, step, point.Value, wallTime));
        }
    }

    private static (string Tag, float Value)? ParseValue(ReadOnlySpan<byte> message)
    {
        string tag = "";
        float? value = null;
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            switch (reader.Field, reader.WireType)
            {
                case (1, 2):
                    tag = Encoding.UTF8.GetString(reader.Bytes);
                    break;
                case (2, 5):
                    value = reader.Single;
                    break;
                case (8, 2):
                    value = ParseTensor(reader.Bytes);
                    break;
            }
        }
        return value is { } number ? (tag, number) : null;
    }

    /// <summary>A float32 tensor of one element, however its value is stored; null for any other tensor.</summary>
    private static float? ParseTensor(ReadOnlySpan<byte> message)
    {
        const int Float32 = 1;
        ulong type = 0;
        ReadOnlySpan<byte> content = default;
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            switch (reader.Field, reader.WireType)
            {
                case (1, 0):
                    type = reader.Number;
                    break;
                case (4, 2) or (5, 2):
                    content = reader.Bytes;
                    break;
                case (5, 5):
                    return type == Float32 ? reader.Single : null;
            }
        }
        return type == Float32 && content.Length == sizeof(float) ? BinaryPrimitives.ReadSingleLittleEndian(content) : null;
    }
}
