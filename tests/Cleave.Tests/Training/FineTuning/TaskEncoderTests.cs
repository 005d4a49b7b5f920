using Cleave.Data;
using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Tests.Models;
using Cleave.Training.FineTuning;
using Cleave.Training.Optimizers;

namespace Cleave.Tests.Training.FineTuning;

public sealed class TaskEncoderTests
{
    private static readonly LanguageModel Model = TinyModel.CreateEncoder();

    private static string[] Tokens(IEnumerable<int> ids) => [.. ids.Select(Model.Tokenizer.TokenOf)];

    [Fact]
    public void An_encoders_texts_have_its_control_tokens_and_the_kinds_of_a_pair()
    {
        var encoder = new TaskEncoder(TaskKind.Extract, Model, ["thing"], 32);
        LocatedText one = encoder.Located(new Example { Text = "where is my order" });
        Assert.Equal(["[CLS]", "where", "is", "my", "order", "[SEP]"], Tokens(one.Ids));
        Assert.Equal([0, 0, 0, 0, 0, 0], one.Types!);
        Assert.Equal(1, one.First);
        LocatedText two = encoder.Located(new Example { Question = "my order", Text = "thank you" });
        Assert.Equal(["[CLS]", "my", "order", "[SEP]", "thank", "you", "[SEP]"], Tokens(two.Ids));
        Assert.Equal([0, 0, 0, 0, 1, 1, 1], two.Types!);
        Assert.Equal(4, two.First);
        Assert.Equal([(0, 5), (6, 9)], two.Offsets);
        TaskItem item = encoder.Encode(new Example { Question = "my order", Text = "thank you", Spans = [new TextSpan(6, 9, "thing")] }, 3);
        Assert.Equal([-1, -1, -1, -1, 0, 1, -1], item.Targets);
        Assert.Equal((2, 3), (item.Supervised, item.Example));
    }

    [Fact]
    public void What_is_too_long_is_cut_inside_of_the_control_tokens()
    {
        var encoder = new TaskEncoder(TaskKind.Classify, Model, ["a"], 8);
        const string Long = "where is my order where is my order";
        Assert.Equal(["[CLS]", "where", "is", "my", "order", "where", "is", "[SEP]"], Tokens(encoder.Located(new Example { Text = Long }).Ids));
        Assert.Equal(["[CLS]", "my", "[SEP]", "where", "is", "my", "order", "[SEP]"], Tokens(encoder.Located(new Example { Question = "my", Text = Long }).Ids));
        LocatedText both = encoder.Located(new Example { Question = Long, Text = Long });
        Assert.Equal(["[CLS]", "where", "is", "my", "order", "[SEP]", "where", "[SEP]"], Tokens(both.Ids));
        Assert.Equal(6, both.First);
        Assert.Equal(["[CLS]", "[SEP]"], Tokens(encoder.Located(new Example { Text = "" }).Ids));
    }

    [Fact]
    public void An_encoder_learns_to_tell_texts_apart_by_both_of_a_pair()
    {
        LanguageModel model = TinyModel.CreateEncoder() with { Heads = [TaskHead.Create("same", HeadKind.Classify, ["same", "other"], 32, new Rng(3))] };
        var encoder = new TaskEncoder(TaskKind.Classify, model, ["same", "other"], 32);
        string[] words = ["order", "parcel", "refund", "number"];
        TaskItem[] items = [.. words.SelectMany(a => words.Select(b => new Example { Question = a, Text = b, Label = a == b ? "same" : "other" })).Select(encoder.Encode)];
        using var optimizer = new Optimizer(new ParameterGroup([.. model.Transformer.WithoutHeads().Parameters(), ("w", model.Heads[0].Projection.Weight), ("b", model.Heads[0].Projection.Bias!)], new Adam()));
        var objective = new TaskObjective(TaskKind.Classify, model.Transformer, model.Heads[0]);
        using var tape = new Tape(records: true);
        double loss = 0;
        for (int step = 0; step < 600; step++)
        {
            loss = objective.Loss(tape, items);
            tape.Backward();
            optimizer.Update(3e-3);
            tape.Reset();
        }
        Assert.True(loss < 0.2, $"the loss is {loss}"); // 0.56 for who knows only how often they are the same
    }
}
