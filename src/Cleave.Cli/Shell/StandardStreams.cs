using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Cleave.Cli.Shell;

/// <summary>The reader of standard output went away (<c>cleave … | head</c>): nothing more to do, quietly.</summary>
internal sealed class BrokenPipeException(Exception inner) : Exception("standard output was closed", inner);

/// <summary>The process's own streams.</summary>
internal sealed class StandardStreams : Streams
{
    private readonly InputStream _input;

    private StandardStreams(InputStream input, TextReader reader, Stream output, TextWriter error) : base(reader, output, error)
    {
        _input = input;
        input.BeforeRead = Out.Flush;
    }

    /// <summary>Whether the program waits for somebody to type or send something.</summary>
    public bool IsWaitingForInput => _input.IsWaiting;

    public static StandardStreams Open()
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        var input = new InputStream(Console.OpenStandardInput());
        var reader = new StreamReader(input, utf8, detectEncodingFromByteOrderMarks: true, 1 << 14);
        var error = new StreamWriter(Console.OpenStandardError(), utf8, 256) { AutoFlush = true, NewLine = "\n" };
        return new StandardStreams(input, reader, new OutputStream(OpenOutput()), error);
    }

    public override bool CanRedraw =>
        !Console.IsErrorRedirected
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
        && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    public override int Width
    {
        get
        {
            try
            {
                return Console.WindowWidth is > 0 and int width ? width : 80;
            }
            catch (IOException)
            {
                return 80; // no terminal after all
            }
        }
    }

    // The console's own stream swallows a broken pipe, and a command would work on for nobody. A FileStream
    // reports it, but moves no shared offset, so a regular file (… >> log) stays with the console's stream.
    private static Stream OpenOutput()
    {
        if (!OperatingSystem.IsWindows())
        {
            try
            {
                var file = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
                if (!file.CanSeek)
                    return file;
            }
            catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
            {
                // Standard output is closed or of an unusual kind; the console's stream copes.
            }
        }
        return Console.OpenStandardOutput();
    }

    /// <summary>Hands over what has been written before it waits for more to read, so that two programs can talk line by line.</summary>
    private sealed class InputStream(Stream inner) : Stream
    {
        private volatile bool _waiting;

        public Action? BeforeRead { get; set; }
        public bool IsWaiting => _waiting;
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            BeforeRead?.Invoke();
            _waiting = true;
            try
            {
                return inner.Read(buffer);
            }
            finally
            {
                _waiting = false;
            }
        }
    }

    /// <summary>Gives the two ways in which writing to standard output fails their names.</summary>
    private sealed class OutputStream(Stream inner) : Stream
    {
        private const int BrokenPipe = 32; // EPIPE on Linux, macOS and the BSDs

        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Flush() => inner.Flush();
        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            try
            {
                inner.Write(buffer);
            }
            catch (IOException e) when (e.HResult == BrokenPipe)
            {
                throw new BrokenPipeException(e);
            }
            catch (IOException e)
            {
                throw new CleaveException($"standard output cannot be written: {e.Message}", e);
            }
        }
    }
}
