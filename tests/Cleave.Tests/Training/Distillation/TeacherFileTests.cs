using System.Buffers.Binary;
using Cleave.Formats.Durable;
using Cleave.Models;
using Cleave.Tests.Models;
using Cleave.Training.Distillation;

namespace Cleave.Tests.Training.Distillation;

public sealed class TeacherFileTests : IDisposable
{
    private const int Window = 4, Vocabulary = 6, Top = 2;
    private static readonly int[] Text = [.. Enumerable.Range(0, 23).Select(i => i * i % Vocabulary)];

    private static readonly float[][] Rows =
        [[0.5f, 0.1f, 0.25f, 0.05f, 0.05f, 0.05f], [0, 0, 0, 0, 1, 0], [0.1f, 0.2f, 0.3f, 0.2f, 0.15f, 0.05f], [0.125f, 0.125f, 0.25f, 0.25f, 0.125f, 0.125f]];

    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-predictions").FullName;

    private string Kept => Path.Combine(_folder, "predictions");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_was_kept_comes_back_and_the_rest_is_the_students()
    {
        TeacherFileHeader plan = Write();
        Assert.Equal(5, plan.Windows);
        Assert.Equal(plan.FileBytes, new FileInfo(Kept).Length);
        using TeacherFile file = TeacherFile.Open(Kept, plan);
        file.Read(new TokenBatch().Add(new int[Window]).Add(new int[Window]), [8, 0]);
        float[] p = new float[Vocabulary], student = [0, 1, 0, 1, 2, 3];
        file.Probabilities(Window + 0, student, p);
        Assert.Equal([0.5f, 0.25f], [p[0], p[2]], (a, b) => Math.Abs(a - b) < 1e-3);
        Assert.Equal(0.25, p[1] + p[3] + p[4] + p[5], 1e-3);
        Assert.Equal(Math.E, p[5] / p[4], 1e-5); // the others stand to each other as the student has them
        file.Probabilities(1, student, p);
        Assert.Equal(1, p[4], 1e-6);
        Assert.Equal(0, p[0] + p[1] + p[2] + p[3] + p[5], 1e-6);
    }

    [Fact]
    public void The_teacher_reads_a_text_once()
    {
        var teacher = new RowsTeacher(Rows, 1);
        TeacherFileHeader plan = TeacherFileWriter.Plan(teacher, TinyModel.Tokenizer, Text, Window, Top);
        TeacherFileWriter.Write(Kept, plan, teacher, Text, 2, null, CancellationToken.None);
        Assert.Equal(5, teacher.Windows);
        byte[] bytes = File.ReadAllBytes(Kept);
        TeacherFileWriter.Write(Kept, plan, teacher, Text, 5, null, CancellationToken.None);
        Assert.Equal(bytes, File.ReadAllBytes(Kept)); // however many windows at once
    }

    [Fact]
    public void A_writing_that_is_interrupted_leaves_nothing()
    {
        var teacher = new RowsTeacher(Rows, 1);
        TeacherFileHeader plan = TeacherFileWriter.Plan(teacher, TinyModel.Tokenizer, Text, Window, Top);
        Assert.ThrowsAny<OperationCanceledException>(() => TeacherFileWriter.Write(Kept, plan, teacher, Text, 2, null, new CancellationToken(canceled: true)));
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Predictions_of_something_else_are_refused_in_one_line()
    {
        TeacherFileHeader plan = Write();
        Refused("another teacher's", plan with { Teacher = Hashing.Sha256([1]) });
        Refused("another tokenizer's", plan with { Tokenizer = Hashing.Sha256([1]) });
        Refused("another text", plan with { Text = Hashing.Sha256([1]) });
        Refused("temperature 1, not 2", plan with { Temperature = 2 });
        Refused("windows of 4 tokens, not 8", plan with { Window = 8 });
        TeacherFile.Open(Kept, plan with { Top = 5 }).Dispose(); // how many are kept is the file's
    }

    [Theory]
    [InlineData(0, 1, "not a file of a teacher's predictions")]
    [InlineData(8, 2, "version 2")]
    [InlineData(100, 77, "header's check")]
    public void A_damaged_header_is_refused_with_its_place(int at, byte value, string problem)
    {
        TeacherFileHeader plan = Write();
        Change(at, value, checkAgain: false);
        Refused(problem, plan);
    }

    [Theory]
    [InlineData(12, int.MaxValue)] // tokens of the vocabulary
    [InlineData(12, 1)]
    [InlineData(16, int.MaxValue)] // of a window
    [InlineData(16, 1 << 20)]
    [InlineData(20, 0)] // kept
    [InlineData(20, 7)]
    [InlineData(28, int.MaxValue)] // windows
    [InlineData(32, int.MaxValue)]
    [InlineData(32, -1)]
    public void Hostile_sizes_are_refused_though_the_check_is_right(int at, int value)
    {
        TeacherFileHeader plan = Write();
        Change(at, value, checkAgain: true);
        Refused("damaged", plan);
    }

    [Fact]
    public void A_cut_file_is_refused()
    {
        TeacherFileHeader plan = Write();
        byte[] bytes = File.ReadAllBytes(Kept);
        foreach (int length in new[] { 0, 7, TeacherFileHeader.Bytes, bytes.Length - 1 })
        {
            File.WriteAllBytes(Kept, bytes[..length]);
            Assert.Throws<ModelFileException>(() => TeacherFile.Open(Kept, plan));
        }
    }

    [Fact]
    public void A_changed_window_is_found_when_it_is_read_and_so_are_tokens_that_there_are_not()
    {
        TeacherFileHeader plan = Write();
        Change(TeacherFileHeader.Bytes + 9, 3, checkAgain: false);
        Assert.Contains("check of window 0", Problem(plan), StringComparison.Ordinal);
        Write();
        // The id of a row's first token, with the window's check made right again.
        byte[] bytes = File.ReadAllBytes(Kept);
        int first = TeacherFileHeader.Bytes;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(first + sizeof(float)), Vocabulary);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(first + plan.WindowBytes), Crc32C.Append(Crc32C.Compute(new byte[8]), bytes.AsSpan(first, plan.WindowBytes)));
        File.WriteAllBytes(Kept, bytes);
        Assert.Contains("that there are not", Problem(plan), StringComparison.Ordinal);
    }

    private string Problem(TeacherFileHeader plan)
    {
        using TeacherFile file = TeacherFile.Open(Kept, plan);
        return Assert.Throws<ModelFileException>(() => file.Read(new TokenBatch().Add(new int[Window]), [0])).Message;
    }

    private TeacherFileHeader Write()
    {
        var teacher = new RowsTeacher(Rows, 1);
        TeacherFileHeader plan = TeacherFileWriter.Plan(teacher, TinyModel.Tokenizer, Text, Window, Top);
        TeacherFileWriter.Write(Kept, plan, teacher, Text, 3, null, CancellationToken.None);
        return plan;
    }

    private void Change(int at, int value, bool checkAgain)
    {
        byte[] bytes = File.ReadAllBytes(Kept);
        if (checkAgain)
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(at), value);
        else
            bytes[at] = (byte)value;
        if (checkAgain)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(TeacherFileHeader.Bytes - 4), Crc32C.Compute(bytes.AsSpan(0, TeacherFileHeader.Bytes - 4)));
        File.WriteAllBytes(Kept, bytes);
    }

    private void Refused(string problem, TeacherFileHeader plan)
    {
        string message = Assert.ThrowsAny<CleaveException>(() => TeacherFile.Open(Kept, plan)).Message;
        Assert.Contains(problem, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }
}
