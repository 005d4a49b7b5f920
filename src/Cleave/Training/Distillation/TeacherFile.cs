using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cleave.Formats.Durable;
using Cleave.Models;
using Cleave.Numerics.Kernels;
using Microsoft.Win32.SafeHandles;

namespace Cleave.Training.Distillation;

/// <summary>
/// A teacher's predictions of one text on disk: for each token the likeliest next ones, so that several students learn from one pass. What is not
/// kept has one probability together; how it is spread is not taught (<see cref="Probabilities"/>).
/// </summary>
public sealed class TeacherFile : ITextTeacher
{
    private readonly SafeFileHandle _handle;
    private readonly string _path;
    private readonly TeacherFileHeader _header;
    private byte[] _windows = [];

    private TeacherFile(SafeFileHandle handle, string path, TeacherFileHeader header) => (_handle, _path, _header) = (handle, path, header);

    public int VocabularySize => _header.Vocabulary;
    public int ContextLength => _header.Window;
    public float Temperature => _header.Temperature;
    public Transformer? Model => null;
    public bool NeedsFixedCuts => true;
    public string Fingerprint => field ??= Hashing.Sha256(_header.Write());

    /// <summary>Opens predictions for a text.</summary>
    /// <param name="expected">Of <see cref="TeacherFileWriter.Plan"/>: what they have to be of; how many tokens are kept may differ.</param>
    /// <exception cref="CleaveException">They are of another teacher, tokenizer or text, or otherwise made.</exception>
    /// <exception cref="ModelFileException">The file is damaged.</exception>
    public static TeacherFile Open(string path, TeacherFileHeader expected)
    {
        ArgumentNullException.ThrowIfNull(expected);
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path);
            byte[] start = new byte[TeacherFileHeader.Bytes];
            int count = RandomAccess.Read(handle, start, 0);
            var header = TeacherFileHeader.Read(start.AsSpan(0, count), path, RandomAccess.GetLength(handle));
            if (Difference(header, expected) is { } difference)
                throw new CleaveException($"{path}: these predictions {difference}; name another file, or delete this one and it is made again");
            return new TeacherFile(handle, path, header);
        }
        catch (Exception e)
        {
            handle?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw new CleaveException($"{path}: cannot be read: {e.Message}", e);
            throw;
        }
    }

    public void Read(TokenBatch batch, ReadOnlySpan<int> starts, IActivationObserver? observer = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Tokens != (long)starts.Length * _header.Window)
            throw new ArgumentException($"windows of {_header.Window} tokens are kept, not {starts.Length} of {batch.Tokens}", nameof(batch));
        int size = _header.WindowBytes;
        if (_windows.Length < starts.Length * size)
            _windows = new byte[checked(starts.Length * size)];
        byte[] check = new byte[sizeof(uint)];
        for (int b = 0; b < starts.Length; b++)
        {
            long window = starts[b] / _header.Window, offset = TeacherFileHeader.Bytes + window * (size + sizeof(uint));
            Span<byte> bytes = _windows.AsSpan(b * size, size);
            if (RandomAccess.Read(_handle, bytes, offset) != size || RandomAccess.Read(_handle, check, offset + size) != check.Length
                || BinaryPrimitives.ReadUInt32LittleEndian(check) != TeacherFileHeader.Check(window, bytes))
            {
                throw new ModelFileException(_path, $"the check of window {window} fails: the file is damaged; delete it and it is made again", offset);
            }
            for (int r = 0; r < _header.Window; r++)
            {
                if (!IsSound(bytes.Slice(r * _header.RowBytes, _header.RowBytes)))
                    throw new ModelFileException(_path, $"token {r} of window {window} has probabilities or tokens that there are not; delete the file and it is made again", offset);
            }
        }
    }

    public void Begin(int row, int rows) { }

    /// <summary>
    /// The kept probabilities; the rest among the other tokens as the student has them, so that the divergence is that of k + 1 outcomes: each kept
    /// token, and any other.
    /// </summary>
    public void Probabilities(int row, ReadOnlySpan<float> student, Span<float> destination)
    {
        ReadOnlySpan<byte> bytes = _windows.AsSpan(row * _header.RowBytes, _header.RowBytes), ids = bytes[sizeof(float)..];
        ReadOnlySpan<Half> logs = MemoryMarshal.Cast<byte, Half>(ids[(_header.Top * _header.IdBytes)..]);
        student.CopyTo(destination);
        VectorMath.Scale(destination, 1 / Temperature);
        Softmax.Rows(destination, 1, destination.Length);
        for (int i = 0; i < _header.Top; i++)
            destination[Id(ids, i)] = 0;
        double others = 0;
        foreach (float p in destination)
            others += p;
        VectorMath.Scale(destination, others > 0 ? (float)(BinaryPrimitives.ReadSingleLittleEndian(bytes) / others) : 0);
        for (int i = 0; i < _header.Top; i++)
            destination[Id(ids, i)] = MathF.Exp((float)logs[i]);
    }

    public void Dispose() => _handle.Dispose();

    private int Id(ReadOnlySpan<byte> ids, int index) =>
        _header.IdBytes == sizeof(ushort) ? BinaryPrimitives.ReadUInt16LittleEndian(ids[(2 * index)..]) : BinaryPrimitives.ReadInt32LittleEndian(ids[(4 * index)..]);

    // A row that passes its check may still have been made by nobody who meant well.
    private bool IsSound(ReadOnlySpan<byte> row)
    {
        ReadOnlySpan<byte> ids = row[sizeof(float)..];
        bool sound = BinaryPrimitives.ReadSingleLittleEndian(row) is >= 0 and <= 1;
        for (int i = 0; sound && i < _header.Top; i++)
            sound = (uint)Id(ids, i) < (uint)_header.Vocabulary && (float)BinaryPrimitives.ReadHalfLittleEndian(ids[(_header.Top * _header.IdBytes + 2 * i)..]) <= 0;
        return sound;
    }

    private static string? Difference(TeacherFileHeader file, TeacherFileHeader expected) =>
        file.Teacher != expected.Teacher ? "are another teacher's"
        : file.Vocabulary != expected.Vocabulary || file.Tokenizer != expected.Tokenizer ? "are over another tokenizer's tokens"
        : file.Text != expected.Text ? "are of another text"
        : file.Temperature != expected.Temperature ? $"are of temperature {file.Temperature}, not {expected.Temperature}"
        : file.Window != expected.Window ? $"are of windows of {file.Window} tokens, not {expected.Window}"
        : file.Windows != expected.Windows ? $"are of {file.Windows} windows, not {expected.Windows}" : null;
}
