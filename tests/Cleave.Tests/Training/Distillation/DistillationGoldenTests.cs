using System.Text.Json;
using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;
using Cleave.Training.Distillation;
using Cleave.Training.FineTuning;
using static Cleave.Tests.Training.LossGoldenTests;

namespace Cleave.Tests.Training.Distillation;

/// <summary>Losses of distillation and their gradients against PyTorch. Made by Golden/training/make_distillation.py.</summary>
public sealed class DistillationGoldenTests : IDisposable
{
    private const int Rows = 5, Vocabulary = 9;

    private static readonly JsonElement Golden =
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "training", "distillation.json"))).RootElement;

    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-distillation").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    public void Soft_targets_are_PyTorchs(int index)
    {
        JsonElement soft = Golden.GetProperty("soft"), x = soft.GetProperty("cases")[index];
        float t = (float)x.GetProperty("temperature").GetDouble();
        int top = x.GetProperty("top").GetInt32();
        using ITextTeacher teacher = Teacher(soft, x, t, top);
        teacher.Read(new TokenBatch().Add(new int[Rows]), [0]);
        var targets = new TextTargets(teacher, new DistillationOptions((float)x.GetProperty("alpha").GetDouble(), t), x.GetProperty("reverse").GetBoolean());
        targets.Start(new bool[Rows]);
        Tensor logits = Tensor.From(Floats(soft.GetProperty("student")), Rows, Vocabulary), identity = Identity();
        using var tape = new Tape(records: true);
        double loss = Op.LinearCrossEntropy(tape, logits, identity, [3, 0, 8, 2, 2], teacher: targets);
        tape.Backward();
        double tolerance = top == 0 ? 2e-6 : 2e-3; // kept log-probabilities have eleven bits
        Assert.Equal(x.GetProperty("loss").GetDouble(), loss, tolerance * t * t);
        Assert.Equal(x.GetProperty("hard").GetDouble(), targets.Means().Hard, 1e-5);
        Assert.Equal(x.GetProperty("divergence").GetDouble(), targets.Means().Divergence, tolerance);
        AssertClose(x.GetProperty("gradient"), logits.Gradient, tolerance);
    }

    [Fact]
    public void States_behind_a_projection_are_PyTorchs()
    {
        JsonElement states = Golden.GetProperty("states");
        Tensor x = Tensor.From(Floats(states.GetProperty("x")), 6, 4), projection = Tensor.From(Floats(states.GetProperty("projection")), 7, 4);
        using var tape = new Tape(records: true);
        double loss = Op.MeanSquaredError(tape, Op.Linear(tape, x, projection), Floats(states.GetProperty("y")));
        tape.Backward();
        Assert.Equal(states.GetProperty("loss").GetDouble(), loss, 1e-5);
        AssertClose(states.GetProperty("x_gradient"), x.Gradient);
        AssertClose(states.GetProperty("projection_gradient"), projection.Gradient);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Relations_of_tokens_are_PyTorchs(int index)
    {
        JsonElement relations = Golden.GetProperty("relations"), expected = relations.GetProperty("cases")[index];
        Tensor x = Tensor.From(Floats(relations.GetProperty("x")), 9, 8), y = Tensor.From(Floats(relations.GetProperty("y")), 9, 12, requiresGradient: false);
        using var tape = new Tape(records: true);
        double loss = Op.RelationDivergence(tape, x, y, [0, 5, 6, 9], relations.GetProperty("heads").GetInt32(), expected.GetProperty("causal").GetBoolean());
        tape.Backward();
        Assert.Equal(expected.GetProperty("loss").GetDouble(), loss, 1e-6);
        AssertClose(expected.GetProperty("gradient"), x.Gradient);
    }

    // The mean of softmax(logits / T), at once or from a file of the likeliest ones.
    private ITextTeacher Teacher(JsonElement soft, JsonElement x, float t, int top)
    {
        double[] weights = [.. x.GetProperty("weights").EnumerateArray().Select(w => w.GetDouble())];
        float[][] logits = [Floats(soft.GetProperty("first")), Floats(soft.GetProperty("second"))];
        float[][] rows = [.. Enumerable.Range(0, Rows).Select(r => Enumerable.Range(0, Vocabulary).Select(c => (float)weights.Select((w, i) => w * Softmax(logits[i], r, c, t)).Sum()).ToArray())];
        var teacher = new RowsTeacher(rows, t);
        if (top == 0)
            return teacher;
        string path = Path.Combine(_folder, "predictions");
        int[] tokens = [.. Enumerable.Range(0, 2 * (Rows + 1)).Select(i => i % Vocabulary)];
        TeacherFileHeader plan = TeacherFileWriter.Plan(teacher, TinyModel.Tokenizer, tokens, Rows, top);
        TeacherFileWriter.Write(path, plan, teacher, tokens, 2, null, CancellationToken.None);
        return TeacherFile.Open(path, plan);
    }

    private static double Softmax(float[] logits, int row, int column, double t) =>
        Math.Exp(logits[row * Vocabulary + column] / t) / Enumerable.Range(0, Vocabulary).Sum(c => Math.Exp(logits[row * Vocabulary + c] / t));

    private static Tensor Identity()
    {
        Tensor identity = Tensor.Parameter(Vocabulary, Vocabulary, requiresGradient: false);
        for (int i = 0; i < Vocabulary; i++)
            identity.Data[i * Vocabulary + i] = 1;
        return identity;
    }
}
