using Cleave.Compression.Distillation;
using Cleave.Compression.Pruning;
using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Tests.Models;

namespace Cleave.Tests.Compression;

public class StudentMakerTests
{
    private static readonly int[] Tokens = [.. Enumerable.Range(0, 600).Select(i => 11 * i % 300)];

    [Theory]
    [InlineData(6, 3, new[] { 0, 2, 5 })]
    [InlineData(4, 2, new[] { 0, 3 })]
    [InlineData(5, 1, new[] { 0 })]
    [InlineData(3, 3, new[] { 0, 1, 2 })]
    public void Spaced_layers_have_the_first_and_the_last_among_them(int layers, int kept, int[] expected)
    {
        Transformer teacher = TinyModel.Create(layers).Transformer;
        (Transformer student, int[] chosen) = StudentMaker.Make(teacher, "teacher", new StudentPlan(kept), [], null, CancellationToken.None);
        Assert.Equal(expected, chosen);
        for (int i = 0; i < kept; i++)
        {
            float[] own = [.. student.Parameters().Single(p => p.Name == WeightNames.Query(i)).Tensor.Data];
            Assert.Equal([.. teacher.Parameters().Single(p => p.Name == WeightNames.Query(expected[i])).Tensor.Data], own);
        }
    }

    [Fact]
    public void A_student_is_a_copy_and_its_teacher_stays()
    {
        Transformer teacher = TinyModel.Create().Transformer;
        Transformer student = StudentMaker.Make(teacher, "teacher", new StudentPlan(2), [], null, CancellationToken.None).Student;
        float before = teacher.Parameters().First().Tensor.Data[0];
        student.Parameters().First().Tensor.Data[0] = 17;
        Assert.Equal(before, teacher.Parameters().First().Tensor.Data[0]);
    }

    [Fact]
    public void A_narrower_student_has_what_counts_most()
    {
        Transformer teacher = TinyModel.Create().Transformer;
        Transformer student = StudentMaker.Make(teacher, "teacher", new StudentPlan(2, Groups: 1, Neurons: 48) { By = LayerCriterion.Influence }, Tokens, null, CancellationToken.None).Student;
        Assert.All(student.Spec.Layers, l => Assert.Equal((2, 1, 48), (l.Heads, l.KeyValueHeads, l.FeedForwardWidth)));
        Assert.Equal(2, student.Layers.Count);
    }

    [Fact]
    public void What_a_teacher_has_not_cannot_be_kept()
    {
        Transformer teacher = TinyModel.Create().Transformer;
        void Refused(string problem, StudentPlan plan) =>
            Assert.Contains(problem, Assert.Throws<CleaveException>(() => StudentMaker.Make(teacher, "teacher", plan, Tokens, null, CancellationToken.None)).Message, StringComparison.Ordinal);
        Refused("has 3 layers", new StudentPlan(4));
        Refused("has 3 layers", new StudentPlan(0));
        Refused("has 64 neurons", new StudentPlan(2, Neurons: 65));
        Refused("has 2 key-value groups", new StudentPlan(2, Groups: 3));
    }

    [Fact]
    public void All_layers_of_a_model_are_the_model_whatever_else_it_has()
    {
        foreach (LanguageModel model in new[] { TinyModel.CreateEncoder(), TinyModel.CreateGpt2() })
        {
            Transformer whole = model.Transformer, same = whole.WithLayers([.. Enumerable.Range(0, whole.Layers.Count)]);
            var batch = new TokenBatch().Add(new[] { 5, 9, 3 });
            using var tape = new Tape(records: false);
            float[] expected = [.. whole.Logits(tape, whole.Forward(tape, batch)).Data];
            float[] actual = [.. same.Logits(tape, same.Forward(tape, batch)).Data];
            Assert.Equal(expected, actual);
            Assert.Equal(whole.Weights().Select(w => w.Name), same.Weights().Select(w => w.Name));
        }
    }
}
