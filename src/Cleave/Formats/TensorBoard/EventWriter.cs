using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Cleave.Formats.TensorBoard;

/// <summary>
/// Writes curves that TensorBoard shows. Each writer begins a new file in the run's folder, whose name sorts after
/// those already there, so a resumed run continues its curves. Not for two threads at once.
/// </summary>
public sealed class EventWriter : IDisposable
{
    private readonly FileStream _stream;
    private readonly TimeProvider _time;
    private readonly ArrayBufferWriter<byte> _event = new(), _summary = new(), _value = new();

    /// <param name="folder">Made where it is absent.</param>
    /// <exception cref="CleaveException">The folder cannot be written.</exception>
    public EventWriter(string folder, TimeProvider? time = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        _time = time ?? TimeProvider.System;
        try
        {
            Directory.CreateDirectory(folder);
            _stream = Create(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{folder}: curves cannot be written there: {e.Message}", e);
        }
        BeginEvent(step: 0);
        WriteText(_event, 3, "brain.Event:2");
        WriteRecord();
        Flush();
    }

    public string Path => _stream.Name;

    /// <summary>Adds one point to a curve.</summary>
    /// <param name="tag">The curve's name; slashes group curves.</param>
    public void Scalar(string tag, double value, long step)
    {
        ArgumentException.ThrowIfNullOrEmpty(tag);
        _value.ResetWrittenCount();
        WriteText(_value, 1, tag);
        WriteTag(_value, 2, wireType: 5);
        BinaryPrimitives.WriteSingleLittleEndian(_value.GetSpan(4), (float)value);
        _value.Advance(4);
        _summary.ResetWrittenCount();
        WriteBytes(_summary, 1, _value.WrittenSpan);
        BeginEvent(step);
        WriteBytes(_event, 5, _summary.WrittenSpan);
        WriteRecord();
    }

    /// <summary>Hands what was written to the operating system, for TensorBoard to see.</summary>
    /// <exception cref="CleaveException">The disk is full or gone.</exception>
    public void Flush() => Guard(() => _stream.Flush());

    public void Dispose() => _stream.Dispose();

    private FileStream Create(string folder)
    {
        long seconds = _time.GetUtcNow().ToUnixTimeSeconds();
        for (int index = 0; ; index++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"events.out.tfevents.{seconds:D10}.cleave.{index:D4}");
            string path = System.IO.Path.Combine(System.IO.Path.GetFullPath(folder), name);
            if (!File.Exists(path))
                return new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        }
    }

    private void BeginEvent(long step)
    {
        _event.ResetWrittenCount();
        WriteTag(_event, 1, wireType: 1);
        double seconds = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;
        BinaryPrimitives.WriteDoubleLittleEndian(_event.GetSpan(8), seconds);
        _event.Advance(8);
        // Zero is what a reader assumes where the field is absent.
        if (step == 0)
            return;
        WriteTag(_event, 2, wireType: 0);
        WriteVarint(_event, (ulong)step);
    }

    private void WriteRecord() => Guard(() => RecordFraming.Write(_stream, _event.WrittenSpan));

    private void Guard(Action write)
    {
        try
        {
            write();
        }
        catch (IOException e)
        {
            throw new CleaveException($"{Path}: cannot be written: {e.Message}", e);
        }
    }

    private static void WriteText(ArrayBufferWriter<byte> buffer, int field, string text) =>
        WriteBytes(buffer, field, Encoding.UTF8.GetBytes(text));

    private static void WriteBytes(ArrayBufferWriter<byte> buffer, int field, ReadOnlySpan<byte> bytes)
    {
        WriteTag(buffer, field, wireType: 2);
        WriteVarint(buffer, (ulong)bytes.Length);
        buffer.Write(bytes);
    }

    private static void WriteTag(ArrayBufferWriter<byte> buffer, int field, int wireType) =>
        WriteVarint(buffer, (ulong)((field << 3) | wireType));

    private static void WriteVarint(ArrayBufferWriter<byte> buffer, ulong value)
    {
        Span<byte> bytes = buffer.GetSpan(10);
        int count = 0;
        for (; value >= 0x80; value >>= 7)
            bytes[count++] = (byte)(value | 0x80);
        bytes[count++] = (byte)value;
        buffer.Advance(count);
    }
}
