using Cleave.Data;
using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;
using Cleave.Tokenizers;
using Cleave.Training;
using Cleave.Training.FineTuning;
using Cleave.Training.Optimizers;
using Cleave.Training.Schedules;

namespace Cleave.Tests.Training.FineTuning;

/// <summary>Texts and answers for a model whose encoder reads and whose decoder answers.</summary>
public class AnswerTaskTests
{
    private const int Start = 7;
    private static readonly Tokenizer Words = TinyModel.Tokenizer;
    private static readonly LanguageModel Answering = WithStart(T5Cases.Create(tokenizer: Words));
    private static readonly int End = Words.EosId!.Value;

    private static LanguageModel WithStart(LanguageModel model) =>
        model with { Transformer = Transformer.Create(model.Transformer.Spec with { DecoderStart = Start }, new Cleave.Numerics.Rng(1)) };

    private static TaskEncoder Encoder(int most = 64) => new(TaskKind.Generate, Answering, [], most);

    [Fact]
    public void The_encoder_reads_the_text_and_the_decoder_its_answer_a_token_late()
    {
        TaskItem item = Encoder().Encode(new Example { Text = "where is my order", Target = " a refund " }, 3);
        int[] answer = [.. Words.Encode("a refund"), End];
        Assert.Equal([.. Words.Encode("where is my order"), End], item.Ids);
        Assert.Equal(answer, item.Targets);
        Assert.Equal([Start, .. answer[..^1]], item.DecoderIds!);
        Assert.Equal((3, answer.Length, item.Ids.Length + answer.Length), (item.Example, item.Rows, item.Tokens));
    }

    [Theory]
    [InlineData("user: where is my order", "where is my order")]
    [InlineData("user: hello\nassistant: hi\nuser: where", "user: hello\nassistant: hi\nuser: where")]
    [InlineData("translate: user", "translate: user")]
    public void One_message_is_read_without_its_speaker(string text, string read) => Assert.Equal([.. Words.Encode(read), End], Encoder().Prompt(text));

    [Fact]
    public void Long_texts_are_cut_at_their_end_and_keep_the_token_that_ends_them()
    {
        string text = string.Concat(Enumerable.Repeat("the parcel ", 100));
        TaskItem item = Encoder(most: 10).Encode(new Example { Text = text, Target = text }, 0);
        Assert.Equal([.. Words.Encode(text).Take(9), End], item.Ids);
        Assert.Equal([.. Words.Encode(text).Take(9), End], item.Targets);
        Assert.Equal([End], Encoder().Prompt(""));
    }

    [Fact]
    public void The_loss_of_a_task_is_the_models_on_all_answers_together()
    {
        Transformer model = T5Cases.Create(tokenizer: Words).Transformer;
        TaskItem[] items = [Encoder().Encode(new Example { Text = "thank you", Target = "quick" }, 0), Encoder().Encode(new Example { Text = "help", Target = "where is my order" }, 1)];
        using var tape = new Tape(records: true);
        double loss = new TaskObjective(TaskKind.Generate, model, null).Loss(tape, items);
        tape.Backward();
        float[] gradient = model.RelativeBias!.Gradient.ToArray();
        Assert.Contains(gradient, g => g != 0);
        Assert.Contains(model.Encoder!.RelativeBias!.Gradient.ToArray(), g => g != 0);
        tape.Reset();
        Tensor states = T5Cases.States(tape, model, [.. items.Select(i => i.Ids)], [.. items.Select(i => i.DecoderIds!)]);
        Assert.Equal(model.Loss(tape, states, [.. items.SelectMany(i => i.Targets)]), loss, 1e-9);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void A_step_allocates_no_managed_memory_once_it_has_run(bool recompute, bool half)
    {
        Transformer model = T5Cases.Create(tokenizer: Words).Transformer;
        model.TrainingMemory = new TrainingMemory(recompute, half);
        TokenBatch source = new TokenBatch().Add([1, 2, 3, 4, 5]).Add([6]), read = new TokenBatch().Add([0, 9]).Add([0, 8, 7]);
        int[] targets = [9, 0, 8, 7, 0]; // a list of constants in the step itself would be an object in an unoptimized build
        using var tape = new Tape(records: true);
        long before = 0;
        for (int step = 0; step < 3; step++)
        {
            before = GC.GetAllocatedBytesForCurrentThread();
            model.Loss(tape, model.Forward(tape, read, source: model.Encode(tape, source)), targets);
            tape.Backward();
            tape.Reset();
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Training_learns_to_copy()
    {
        Transformer model = Transformer.Create(T5Cases.Create(tokenizer: Words).Transformer.Spec with { DecoderStart = Start }, new Cleave.Numerics.Rng(3));
        string[] words = ["parcel", "order", "refund", "help"];
        TaskItem[] items = [.. words.Select((w, i) => Encoder().Encode(new Example { Text = w, Target = w }, i))];
        using var optimizer = new Optimizer(new ParameterGroup([.. model.Parameters()], new Adam()));
        var objective = new TaskObjective(TaskKind.Generate, model, null);
        double first = 0, last = 0;
        new Trainer(optimizer, new CosineSchedule(5e-3, 5, 120, 0.1)).Run((tape, _, _) => objective.Loss(tape, items), step =>
        {
            first = step.Step == 1 ? step.Loss : first;
            last = step.Loss;
            return true;
        });
        Assert.True(last < 0.05 && first > 2, $"{first} to {last}");
        using var generator = new Cleave.Models.Sampling.Generator(model);
        foreach ((string word, TaskItem item) in words.Zip(items))
            Assert.Equal(word, Words.Decode(generator.Greedy([item.Ids], 8, Encoder().IsEnd)[0].Tokens).Trim());
    }
}
