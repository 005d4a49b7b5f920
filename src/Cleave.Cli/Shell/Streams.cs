using System.Text;

namespace Cleave.Cli.Shell;

/// <summary>What a command reads from and writes to; tests bring their own.</summary>
internal class Streams(TextReader input, Stream output, TextWriter error) : IDisposable
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    public TextReader In { get; } = input;

    /// <summary>Standard output as bytes, for large JSON; flush <see cref="Out"/> before writing here.</summary>
    public Stream OutBytes { get; } = output;

    public TextWriter Out { get; } = new StreamWriter(output, Utf8, 1 << 14, leaveOpen: true) { NewLine = "\n" };
    public TextWriter Error { get; } = error;

    /// <summary>Whether progress may be drawn in place: standard error is a terminal that understands it.</summary>
    public virtual bool CanRedraw => false;

    /// <summary>Columns of the terminal behind standard error.</summary>
    public virtual int Width => 80;

    public virtual void Dispose() => GC.SuppressFinalize(this);
}
