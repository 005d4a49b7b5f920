using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Cleave.Data.Reading;

/// <summary>
/// Splits a stream into lines of strictly checked UTF-8. A line ends at LF or CR LF; a byte order mark at the start
/// is skipped. Memory is bounded by the longest line allowed.
/// </summary>
internal sealed class Utf8Lines(string file, Stream stream, int maxLineBytes = DataFile.MaxRowBytes) : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
    private int _start, _end;
    private bool _finished;

    /// <summary>The number, from 1, of the line that was read last.</summary>
    public long Line { get; private set; }

    /// <summary>The next line without its end, valid until the next call; false at the end of the file.</summary>
    /// <param name="withEnd">Leave the line end in place.</param>
    /// <exception cref="DataFileException">The line is too long or not UTF-8, or the file cannot be unpacked.</exception>
    public bool Next(out ReadOnlySpan<byte> line, bool withEnd = false)
    {
        int searched = 0;
        while (true)
        {
            int at = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            int length = at >= 0 ? searched + at + 1 : _end - _start;
            if (length > maxLineBytes)
            {
                throw new DataFileException(file,
                    $"the line is longer than {maxLineBytes >> 20} MB; split it, or check that this is the right file", Line + 1);
            }
            if (at < 0 && !_finished)
            {
                searched = length;
                Fill();
                continue;
            }
            line = _buffer.AsSpan(_start, length);
            if (length == 0)
                return false;
            _start += length;
            Line++;
            if (Line == 1 && line.StartsWith("\uFEFF"u8))
                line = line[3..];
            Check(line);
            if (!withEnd)
                line = WithoutEnd(line);
            return true;
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        stream.Dispose();
    }

    private static ReadOnlySpan<byte> WithoutEnd(ReadOnlySpan<byte> line)
    {
        if (line.EndsWith("\n"u8))
            line = line[..^1];
        return line.EndsWith("\r"u8) ? line[..^1] : line;
    }

    private void Check(ReadOnlySpan<byte> line)
    {
        if (Utf8.IsValid(line))
            return;
        bool utf16 = Line == 1 && line is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..];
        string problem = utf16 ? "is UTF-16, not UTF-8; save it as UTF-8"
            : $"byte {FirstInvalid(line) + 1} of the line is not valid UTF-8; save the file as UTF-8";
        throw new DataFileException(file, problem, Line);
    }

    private static int FirstInvalid(ReadOnlySpan<byte> line)
    {
        int at = 0;
        while (at < line.Length && Rune.DecodeFromUtf8(line[at..], out _, out int used) == OperationStatus.Done)
            at += used;
        return at;
    }

    private void Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
            _buffer.AsSpan(0, _end).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        int read;
        try
        {
            read = stream.Read(_buffer, _end, _buffer.Length - _end);
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            throw new DataFileException(file, e is InvalidDataException
                ? "the gzip data is damaged or cut short; fetch or pack the file again"
                : $"cannot be read: {e.Message}", Line + 1);
        }
        _finished = read == 0;
        _end += read;
    }
}
