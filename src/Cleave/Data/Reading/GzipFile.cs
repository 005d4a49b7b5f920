using System.IO.Compression;

namespace Cleave.Data.Reading;

/// <summary>
/// Unpacks gzip data (RFC 1952, any number of members) and notices where it is cut short, which
/// <see cref="GZipStream"/> takes for its end. The packed bytes are followed by one more member with known content: only
/// after a whole file does that content come out at the end.
/// </summary>
internal sealed class GzipFile : ForwardStream
{
    private static readonly byte[] Mark = "end of this file"u8.ToArray();
    private static readonly byte[] PackedMark = Pack(Mark);

    private readonly GZipStream _unpacked;
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _start, _end;
    private bool _finished;

    public GzipFile(Stream packed) => _unpacked = new GZipStream(new Followed(packed), CompressionMode.Decompress);

    /// <exception cref="InvalidDataException">The data is damaged or cut short.</exception>
    public override int Read(Span<byte> buffer)
    {
        while (!_finished && _end - _start <= Mark.Length)
            Fill();
        int count = Math.Min(buffer.Length, _end - _start - (_finished ? 0 : Mark.Length));
        _buffer.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _unpacked.Dispose();
        base.Dispose(disposing);
    }

    private void Fill()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        int read = _unpacked.Read(_buffer, _end, _buffer.Length - _end);
        _end += read;
        if (read > 0)
            return;
        if (!_buffer.AsSpan(0, _end).EndsWith(Mark))
            throw new InvalidDataException("the gzip data is cut short");
        _end -= Mark.Length;
        _finished = true;
    }

    private static byte[] Pack(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(bytes);
        return packed.ToArray();
    }

    /// <summary>The packed file and then the packed mark.</summary>
    private sealed class Followed(Stream packed) : ForwardStream
    {
        private int _given;

        public override int Read(Span<byte> buffer)
        {
            int read = packed.Read(buffer);
            if (read > 0)
                return read;
            int count = Math.Min(buffer.Length, PackedMark.Length - _given);
            PackedMark.AsSpan(_given, count).CopyTo(buffer);
            _given += count;
            return count;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                packed.Dispose();
            base.Dispose(disposing);
        }
    }
}
