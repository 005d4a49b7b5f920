using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;
using Cleave.Training;
using Cleave.Training.Distillation;
using Cleave.Training.Scoring;

namespace Cleave.Tests.Training.Distillation;

public sealed class TextDistillerTests : IDisposable
{
    private static readonly TextDistillationOptions Quick = new() { Updates = 30, Batch = 2, Context = 24, LearningRate = 5e-3, Soft = 1 };

    private static readonly int[] Tokens = TinyModel.Tokenizer.Encode(string.Join("\n",
        Enumerable.Range(0, 60).Select(i => (i % 3) switch { 0 => "the parcel has not arrived yet", 1 => "I want a refund for my order", _ => "where is my order number" } + " " + (i * 7 % 50))));

    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-distill").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_student_comes_to_predict_as_its_teacher_does()
    {
        Transformer teacher = Sharp(TinyModel.Create(seed: 3).Transformer), student = TinyModel.Create(layers: 1, seed: 4).Transformer;
        double before = Divergence(student, teacher);
        using var live = new LiveTeachers([teacher], 1);
        TextDistillationResult result = Distiller(Quick with { Updates = 60 }, live, "learns").Run(student);
        Assert.Equal(60, result.Updates);
        Assert.True(Divergence(student, teacher) < 0.5 * before, $"{before} to {Divergence(student, teacher)}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_student_learns_from_what_it_writes_itself(bool reverse)
    {
        Transformer teacher = Sharp(TinyModel.Create(seed: 3).Transformer), student = Narrow();
        double before = Divergence(student, teacher);
        using var live = new LiveTeachers([teacher], 1);
        TextDistillationResult result = Distiller(Quick with { Updates = 60, OnPolicy = 1, Reverse = reverse }, live, "own").Run(student);
        Assert.True(double.IsNaN(result.Last!.Value.Hard)); // there is no true token
        Assert.True(Divergence(student, teacher) < 0.8 * before, $"{before} to {Divergence(student, teacher)}");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    [InlineData(1)]
    public void The_share_of_windows_that_the_student_writes_is_kept_and_prompts_are_the_texts(double share)
    {
        TextDistillationOptions options = Quick with { Batch = 40, OnPolicy = share };
        DistillationBatch own = new(Tokens, 24, options, moving: true), text = new(Tokens, 24, options with { OnPolicy = 0 }, moving: true);
        own.Fill(0, Narrow());
        text.Fill(0, Narrow());
        int written = 0;
        for (int b = 0; b < 40; b++)
        {
            bool mine = own.Own[b * 24];
            written += mine ? 1 : 0;
            ReadOnlySpan<int> read = own.Tokens.Ids.Span.Slice(b * 24, 24), truth = text.Tokens.Ids.Span.Slice(b * 24, 24);
            Assert.True(read[..12].SequenceEqual(truth[..12]));
            Assert.NotEqual(mine, read.SequenceEqual(truth));
            Assert.Equal(mine ? 11 : 0, own.Targets.AsSpan(b * 24, 24).Count(-1));
            Assert.True(own.Targets.AsSpan(b * 24 + 11, 12).SequenceEqual(read[12..])); // a row's target is what is read next
        }
        Assert.InRange(written / 40.0, share - 0.2, share + 0.2);
    }

    [Theory]
    [InlineData(1, 0, 0.9)] // a stream of 24 channels cannot hold all of the teacher's
    [InlineData(0, 1, 0.5)]
    public void Inner_states_come_closer_though_the_widths_differ(double hidden, double attention, double most)
    {
        Transformer teacher = Sharp(TinyModel.Create(seed: 3).Transformer);
        var narrow = Transformer.Create(TransformerSpec.Uniform(teacher.Spec.VocabularySize, 24, 2, 6, 3, 48, 64), new Rng(5)); // heads of 4 in threes against twos of 8
        using var live = new LiveTeachers([teacher], 1);
        TextDistillationOptions options = Quick with { Soft = 0, Hidden = hidden, Attention = attention };
        double Loss(DistillationLoss loss) => hidden > 0 ? loss.Hidden : loss.Attention;
        double first = Loss(Distiller(options with { Updates = 1, LearningRate = 1e-9 }, live, "first").Run(narrow).Last!.Value);
        double last = Loss(Distiller(options with { Updates = 60 }, live, "last").Run(narrow).Last!.Value);
        Assert.True(last < most * first, $"{first} to {last}");
    }

    [Theory]
    [InlineData(false, 0.5, 0, 0, 0)]
    [InlineData(false, 0.5, 0, 1, 1)]
    [InlineData(false, 0.5, 0.5, 0, 0)]
    [InlineData(true, 0.5, 0, 0, 0)]
    public void A_run_that_was_interrupted_ends_with_the_same_bits(bool kept, double soft, double onPolicy, double hidden, double attention)
    {
        using var live = new LiveTeachers([TinyModel.Create(seed: 3).Transformer], 2);
        TextDistillationOptions options = Quick with { Updates = 12, Soft = soft, OnPolicy = onPolicy, Hidden = hidden, Attention = attention };
        using TeacherFile? file = kept ? Kept(live, options) : null;
        ITextTeacher teacher = (ITextTeacher?)file ?? live;
        Transformer whole = Narrow();
        Distiller(options, teacher, "whole").Run(whole);
        using var cancel = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Distiller(options, teacher, "parts").Run(Narrow(), new StopAfter(cancel, 5), cancel.Token));
        Transformer parts = Narrow();
        TextDistillationResult result = Distiller(options, teacher, "parts").Run(parts);
        Assert.Equal(12, result.Updates);
        Assert.Equal(Values(whole), Values(parts));
    }

    [Fact]
    public void Kept_predictions_of_all_tokens_teach_what_the_teacher_does()
    {
        using var live = new LiveTeachers([Sharp(TinyModel.Create(seed: 3).Transformer)], 2);
        using TeacherFile kept = Kept(live, Quick, top: live.VocabularySize);
        DistillationLoss First(ITextTeacher teacher) => Distiller(Quick with { Updates = 1 }, teacher, $"one of {teacher.NeedsFixedCuts}").Run(Narrow()).Last!.Value;
        // The same windows in another order: a mean over all of them would be the same, of one update it is of the same size.
        DistillationLoss a = First(live), b = First(kept);
        Assert.InRange(b.Divergence / a.Divergence, 0.7, 1.4);
        Transformer student = Narrow();
        double before = Divergence(student, live.Model!);
        Distiller(Quick with { Updates = 60 }, kept, "kept").Run(student);
        Assert.True(Divergence(student, live.Model!) < 0.6 * before);
    }

    [Fact]
    public void A_loss_that_is_no_number_stops_the_run_and_the_last_good_state_stays()
    {
        using var live = new LiveTeachers([TinyModel.Create(seed: 3).Transformer], 1);
        using var cancel = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Distiller(Quick, live, "nan").Run(Narrow(), new StopAfter(cancel, 5), cancel.Token));
        DivergedException failure = Assert.Throws<DivergedException>(() => Distiller(Quick with { LearningRate = 1e30 }, live, "nan").Run(Narrow()));
        Assert.True(failure.Update > 5);
        Assert.Contains("of update 5,", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
        Transformer student = Narrow();
        Distiller(Quick, live, "nan").Run(student); // goes on from there
        Assert.All(Values(student), v => Assert.True(float.IsFinite(v)));
    }

    [Fact]
    public void What_does_not_go_together_is_refused()
    {
        using var live = new LiveTeachers([TinyModel.Create(seed: 3).Transformer], 1);
        using var two = new LiveTeachers([TinyModel.Create(seed: 3).Transformer, TinyModel.Create(seed: 4).Transformer], 1);
        void Refused(string problem, TextDistillationOptions options, ITextTeacher teacher, Transformer student) =>
            Assert.Contains(problem, Assert.Throws<CleaveException>(() => Distiller(options, teacher, "refused").Run(student)).Message, StringComparison.Ordinal);
        Refused("nothing would be learnt", Quick with { Soft = 0 }, live, Narrow());
        Refused("--on-policy", Quick with { Soft = 0, Hidden = 1, OnPolicy = 1 }, live, Narrow());
        Refused("a single teacher", Quick with { Hidden = 1 }, two, Narrow());
        Refused("over the same tokens", Quick, live, Transformer.Create(Narrow().Spec with { VocabularySize = 64 }, new Rng(1)));
        Refused("encoder", Quick, live, TinyModel.CreateEncoder().Transformer);
        Refused("context of 16", Quick, live, Transformer.Create(Narrow().Spec with { ContextLength = 16 }, new Rng(1)));
        Refused("has 3 layers", Quick with { Attention = 1, RelationLayer = 4 }, live, Narrow());
        Assert.Contains("too few", Assert.Throws<CleaveException>(() => new TextDistiller(Quick, live, Tokens[..20], _folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_state_of_another_run_is_refused()
    {
        using var live = new LiveTeachers([TinyModel.Create(seed: 3).Transformer], 1);
        using var other = new LiveTeachers([TinyModel.Create(seed: 6).Transformer], 1);
        TextDistillationOptions options = Quick with { Updates = 2 };
        Distiller(options, live, "mine").Run(Narrow());
        Assert.Contains("another run", Assert.Throws<CleaveException>(() => Distiller(options, other, "mine").Run(Narrow())).Message, StringComparison.Ordinal);
        Assert.Contains("another run", Assert.Throws<CleaveException>(() => Distiller(options with { Soft = 0.7 }, live, "mine").Run(Narrow())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, 4, new[] { 1, 3 })]
    [InlineData(3, 12, new[] { 3, 7, 11 })]
    [InlineData(4, 4, new[] { 0, 1, 2, 3 })]
    [InlineData(1, 6, new[] { 5 })]
    [InlineData(4, 2, new[] { 0, 0, 1, 1 })]
    public void Layers_are_matched_with_those_that_lie_as_deep(int student, int teacher, int[] expected) => Assert.Equal(expected, StateMatching.Map(student, teacher));

    private TextDistiller Distiller(TextDistillationOptions options, ITextTeacher teacher, string work) =>
        new(options, teacher, Tokens, Directory.CreateDirectory(Path.Combine(_folder, work)).FullName);

    private TeacherFile Kept(LiveTeachers live, TextDistillationOptions options, int top = 16)
    {
        string path = Path.Combine(_folder, "predictions");
        TeacherFileHeader plan = TeacherFileWriter.Plan(live, TinyModel.Tokenizer, Tokens, options.Context, top);
        TeacherFileWriter.Write(path, plan, live, Tokens, 4, null, CancellationToken.None);
        return TeacherFile.Open(path, plan);
    }

    private static Transformer Narrow() => TinyModel.Create(layers: 1, seed: 4).Transformer;

    // Random weights of 0.02 predict next to nothing; larger ones have something to teach.
    private static Transformer Sharp(Transformer model)
    {
        foreach ((_, Tensor tensor) in model.Parameters().Where(p => p.Tensor.Rows > 1))
        {
            foreach (ref float w in tensor.Data)
                w *= 6;
        }
        return model;
    }

    private static double Divergence(Transformer student, Transformer teacher)
    {
        using var scorer = new TextScorer(student, teacher);
        return scorer.Score(Tokens.AsMemory(0, 200), 24, 24, null, CancellationToken.None).Average(s => s.Divergence);
    }

    private static float[] Values(Transformer model) => [.. model.Parameters().SelectMany(p => p.Tensor.Data.ToArray())];
}
