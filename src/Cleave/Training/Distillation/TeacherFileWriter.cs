using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cleave.Formats.Durable;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Tokenizers;
using Cleave.Training.FineTuning;
using Cleave.Training.Pretraining;

namespace Cleave.Training.Distillation;

/// <summary>Makes a <see cref="TeacherFile"/>.</summary>
public static class TeacherFileWriter
{
    /// <summary>What a teacher's predictions of a text would be kept as.</summary>
    /// <param name="context">Tokens of a window, at most the teacher's context.</param>
    /// <exception cref="CleaveException">The text is too short.</exception>
    public static TeacherFileHeader Plan(ITextTeacher teacher, ITokenizer tokenizer, int[] tokens, int context, int top)
    {
        ArgumentNullException.ThrowIfNull(teacher);
        ArgumentNullException.ThrowIfNull(tokens);
        int window = Math.Min(context, teacher.ContextLength);
        top = Math.Min(top, teacher.VocabularySize);
        if ((long)window * top * (sizeof(int) + sizeof(ushort)) > Array.MaxLength / 2)
            throw new CleaveException($"{top} probabilities for each of a window's {window} tokens are too many to be kept together; lower --top or --context");
        var stream = new TokenStream(tokens, window, 0, moving: false);
        string hash = Hashing.Sha256(System.Text.Encoding.UTF8.GetBytes(teacher.Fingerprint));
        return new TeacherFileHeader(teacher.VocabularySize, window, top, teacher.Temperature, stream.WindowsPerEpoch, hash,
            ModelFingerprint.Of(tokenizer), ModelFingerprint.Of(tokens));
    }

    /// <summary>Lets the teacher read the text once, and puts the file in place when it is whole.</summary>
    /// <param name="plan">Of <see cref="Plan"/>.</param>
    /// <param name="batch">Windows that are read at once.</param>
    public static void Write(string path, TeacherFileHeader plan, ITextTeacher teacher, int[] tokens, int batch, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(teacher);
        DiskSpace.Require(Path.GetDirectoryName(Path.GetFullPath(path))!, plan.FileBytes, "free some, or keep fewer tokens with --top");
        AtomicFile.Write(path, stream =>
        {
            stream.Write(plan.Write());
            var read = new TokenBatch();
            byte[] bytes = new byte[plan.WindowBytes + sizeof(uint)];
            for (long first = 0; first < plan.Windows; first += batch)
            {
                cancellation.ThrowIfCancellationRequested();
                int count = (int)Math.Min(batch, plan.Windows - first);
                read.Clear();
                for (int b = 0; b < count; b++)
                    read.Add(tokens.AsSpan((int)(first + b) * plan.Window, plan.Window));
                teacher.Read(read, [.. Enumerable.Range(0, count).Select(b => (int)(first + b) * plan.Window)]);
                for (int b = 0; b < count; b++)
                {
                    WriteRows(plan, teacher, b * plan.Window, bytes);
                    BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(plan.WindowBytes), TeacherFileHeader.Check(first + b, bytes.AsSpan(0, plan.WindowBytes)));
                    stream.Write(bytes);
                }
                progress?.Report(new ProgressReport("teacher reads", (first + count) * plan.Window, plan.Windows * plan.Window, "tokens"));
            }
        });
    }

    private static void WriteRows(TeacherFileHeader plan, ITextTeacher teacher, int first, Span<byte> bytes)
    {
        const int RowsAtOnce = 64;
        float[] probabilities = new float[RowsAtOnce * plan.Vocabulary];
        for (int start = 0; start < plan.Window; start += RowsAtOnce)
        {
            int rows = Math.Min(RowsAtOnce, plan.Window - start);
            teacher.Begin(first + start, rows);
            for (int r = 0; r < rows; r++)
                teacher.Probabilities(first + start + r, default, probabilities.AsSpan(r * plan.Vocabulary, plan.Vocabulary));
            var top = TeacherTargets.Top(probabilities.AsSpan(0, rows * plan.Vocabulary), rows, plan.Vocabulary, plan.Top);
            for (int r = 0; r < rows; r++)
                WriteRow(plan, top, r, bytes.Slice((start + r) * plan.RowBytes, plan.RowBytes));
        }
    }

    private static void WriteRow(TeacherFileHeader plan, TeacherTargets top, int row, Span<byte> bytes)
    {
        ReadOnlySpan<float> kept = top.Logits(row);
        ReadOnlySpan<int> classes = top.Classes(row);
        Span<byte> ids = bytes[sizeof(float)..];
        Span<Half> logs = MemoryMarshal.Cast<byte, Half>(ids[(plan.Top * plan.IdBytes)..]);
        double rest = 1;
        for (int i = 0; i < plan.Top; i++)
        {
            logs[i] = (Half)Math.Min(0, MathF.Log(kept[i])); // rounding may have made a little more than 1
            rest -= Math.Exp((double)logs[i]); // as it is read again, rounded
            if (plan.IdBytes == sizeof(ushort))
                BinaryPrimitives.WriteUInt16LittleEndian(ids[(2 * i)..], (ushort)classes[i]);
            else
                BinaryPrimitives.WriteInt32LittleEndian(ids[(4 * i)..], classes[i]);
        }
        if (!double.IsFinite(rest))
            throw new CleaveException("the teacher's predictions are not finite: its weights are damaged or out of range");
        BinaryPrimitives.WriteSingleLittleEndian(bytes, (float)Math.Max(0, rest));
    }
}
