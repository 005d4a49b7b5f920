using Cleave.Tuning;
using Cleave.Tuning.Advice;

namespace Cleave.Tests.Tuning.Advice;

[Trait("Kernels", "unused")]
public sealed class RequestReaderTests
{
    private static readonly SearchSpace Space = new([
        new FloatParameter("learning_rate", 1e-7, 1, log: true), new IntParameter("batch_size", 1, 1024), new IntParameter("epochs", 1, 100),
        new FloatParameter("weight-decay", 0, 1), new FloatParameter("dropout", 0, 0.9), new IntParameter("numLayers", 1, 48),
        new CategoricalParameter("optimizer", ["adamw", "sgd", "lion"]), new CategoricalParameter("model", ["ngrams", "transformer"]),
        new CategoricalParameter("loss", ["cross-entropy", "focal"]), new FloatParameter("focal_gamma", 0, 5, when: [new("loss", "focal")]),
        new CategoricalParameter("rank", [4, 8, 16, 32])]);

    private static string[] Read(string text) => [.. RequestReader.Read(text, Space).Constraints.Select(c => c.ToString())];

    [Theory]
    [InlineData("learning rate between 1e-4 and 5e-6", "0.000005 <= learning_rate <= 0.0001")]
    [InlineData("the LR should be in the range 1e-5 to 1e-3", "0.00001 <= learning_rate <= 0.001")]
    [InlineData("lr from 0.0001 to 0.01", "0.0001 <= learning_rate <= 0.01")]
    [InlineData("lr: 1e-5 - 1e-3", "0.00001 <= learning_rate <= 0.001")]
    [InlineData("lr in [1e-5, 1e-3]", "0.00001 <= learning_rate <= 0.001")]
    [InlineData("lr 1e-5..1e-3", "0.00001 <= learning_rate <= 0.001")]
    [InlineData("learning-rate within 10^-5 and up", "learning_rate >= 0.00001")]
    [InlineData("a learning rate of 5x10^-6 or more", "learning_rate >= 0.000005")]
    [InlineData("learning rate 2·10^-5", "learning_rate = 0.00002")]
    [InlineData("the learning rate must not exceed 1e-3", "learning_rate <= 0.001")]
    [InlineData("learning rate must never be above 1e-3", "learning_rate <= 0.001")]
    [InlineData("maximum learning rate 1e-3", "learning_rate <= 0.001")]
    [InlineData("keep the learning rate below 1e-3", "learning_rate < 0.001")]
    [InlineData("batch size at least 32", "batch_size >= 32")]
    [InlineData("batch size of at least 32 and at most 128", "batch_size >= 32", "batch_size <= 128")]
    [InlineData("at least 32 for the batch size", "batch_size >= 32")]
    [InlineData("minibatch size >= 32", "batch_size >= 32")]
    [InlineData("batch size no less than 16, but not more than 64", "batch_size >= 16", "batch_size <= 64")]
    [InlineData("batch size 16, 32 or 64", "batch_size in {16, 32, 64}")]
    [InlineData("batch size is one of 16, 32, or 64", "batch_size in {16, 32, 64}")]
    [InlineData("batch_size in {16, 32}", "batch_size in {16, 32}")]
    [InlineData("batch size 16-64", "16 <= batch_size <= 64")]
    [InlineData("batch of 1k or fewer", "batch_size <= 1000")]
    [InlineData("use a batch size of 32", "batch_size = 32")]
    [InlineData("minimum batch size 32", "batch_size >= 32")]
    [InlineData("at most 10 epochs", "epochs <= 10")]
    [InlineData("no more than ten epochs", "epochs <= 10")]
    [InlineData("between 3 and 10 training epochs", "3 <= epochs <= 10")]
    [InlineData("3 to 10 epochs", "3 <= epochs <= 10")]
    [InlineData("train for 5 epochs", "epochs = 5")]
    [InlineData("5 epochs at most", "epochs <= 5")]
    [InlineData("limit the epochs to 10", "epochs <= 10")]
    [InlineData("epochs limited to 10", "epochs <= 10")]
    [InlineData("fewer than 10 epochs", "epochs < 10")]
    [InlineData("num_epochs up to 8", "epochs <= 8")]
    [InlineData("weight decay 0.01 to 0.1", "0.01 <= weight-decay <= 0.1")]
    [InlineData("dropout 5 to 20%", "0.05 <= dropout <= 0.2")]
    [InlineData("dropout below 50%", "dropout < 0.5")]
    [InlineData("a 12-layer transformer", "numLayers = 12")]
    [InlineData("more than 6 layers", "numLayers > 6")]
    [InlineData("num layers at least 6", "numLayers >= 6")]
    [InlineData("optimizer adamw or lion", "optimizer in {adamw, lion}")]
    [InlineData("the optimizer must be AdamW", "optimizer = adamw")]
    [InlineData("optimizer other than sgd", "optimizer not in {sgd}")]
    [InlineData("with adamw", "optimizer = adamw")]
    [InlineData("without sgd", "optimizer not in {sgd}")]
    [InlineData("never use sgd", "optimizer not in {sgd}")]
    [InlineData("loss is cross-entropy", "loss = cross-entropy")]
    [InlineData("rank at most 16", "rank <= 16")]
    [InlineData("LoRA rank 8 or 16", "rank in {8, 16}")]
    [InlineData("focal gamma from 1 to 3", "1 <= focal_gamma <= 3")]
    [InlineData("epochs: 10, batch size: 32; lr 1e-4", "epochs = 10", "batch_size = 32", "learning_rate = 0.0001")]
    [InlineData("batch size 32, 5 epochs", "batch_size = 32", "epochs = 5")]
    [InlineData("learning rate at most 1e-3 and 10 epochs", "learning_rate <= 0.001", "epochs = 10")]
    [InlineData("batch size at least 32, at most 10 epochs", "batch_size >= 32", "epochs <= 10")]
    public void What_is_plainly_said_is_read(string text, params string[] expected) => Assert.Equal(expected, Read(text));

    [Theory]
    [InlineData("learning rate around 1e-4")]
    [InlineData("epochs that balance accuracy and time")]
    [InlineData("train on 20 machines with 4 GPUs")]
    [InlineData("batch size 16,320 at most")] // one number or two
    [InlineData("the loss should go down after 5 epochs")]
    [InlineData("evaluate every 2 epochs")]
    [InlineData("optimizer lamb")]
    [InlineData("use the transformer paper as a guide")]
    [InlineData("layers and heads, 12 words")]
    [InlineData("learning rate for 10 classes")]
    public void What_is_not_plainly_said_is_a_wish_and_no_bound(string text)
    {
        UnderstoodRequest request = RequestReader.Read(text, Space);
        Assert.Empty(request.Constraints);
        Assert.True(request.Unread.Count > 0 || !text.Any(char.IsDigit), text);
    }

    [Fact]
    public void A_whole_request_is_shown_back_piece_by_piece()
    {
        UnderstoodRequest request = RequestReader.Read("Recommend hyper-parameters for this customer-service dataset with a transformer; learning rate between 1e-4 and 5e-6, "
            + "batch size at least 32, epochs that balance accuracy and time", Space);
        Assert.Equal(["model = transformer", "0.000005 <= learning_rate <= 0.0001", "batch_size >= 32"], request.Constraints.Select(c => c.ToString()));
        Assert.Equal(["with a transformer", "learning rate between 1e-4 and 5e-6", "batch size at least 32"], request.Constraints.Select(c => c.Said));
        Assert.Equal(["epochs that balance accuracy and time"], request.Unread);
    }

    [Fact]
    public void A_name_that_two_parameters_could_go_by_is_neithers()
    {
        var space = new SearchSpace([new FloatParameter("lr", 0, 1), new FloatParameter("step_size", 0, 1), new FloatParameter("encoder_lr", 0, 1)]);
        Assert.Empty(RequestReader.Read("learning rate below 0.5", space).Constraints);
        Assert.Equal("lr < 0.5", RequestReader.Read("lr below 0.5", space).Constraints.Single().ToString());
        Assert.Equal("encoder_lr < 0.5", RequestReader.Read("encoder learning rate below 0.5", space).Constraints.Single().ToString());
    }

    [Fact]
    public void Any_text_is_read_without_failing_and_a_book_is_refused()
    {
        string[] pieces = ["learning rate", "batch size", "between", "and", "at least", "1e-4", "-", "32", ",", ";", "not", "with", "adamw", "[", "]", "or", "…", "\n", "1,000", "%", "10^", "of", "e", "..", "🙂"];
        var random = new Random(5);
        for (int i = 0; i < 2000; i++)
        {
            string text = string.Join(random.Next(2) == 0 ? " " : "", Enumerable.Range(0, random.Next(14)).Select(_ => pieces[random.Next(pieces.Length)]));
            UnderstoodRequest request = RequestReader.Read(text, Space);
            Assert.All(request.Constraints, c => Assert.Contains(c.Said, text, StringComparison.Ordinal));
        }
        Assert.Throws<CleaveException>(() => RequestReader.Read(new string('a', RequestWords.MostCharacters + 1), Space));
        Assert.Empty(RequestReader.Read(new string('9', 20_000), Space).Constraints);
    }

    [Theory]
    [InlineData("lr between 1e-5 and 1e-4", "learning_rate", "1E-05 to 0.0001, logarithmic")]
    [InlineData("lr at most 1e-3", "learning_rate", "1E-07 to 0.001, logarithmic")]
    [InlineData("batch size above 32", "batch_size", "33 to 1024")]
    [InlineData("batch size at least 31.5", "batch_size", "32 to 1024")]
    [InlineData("batch size 16, 32 or 5000", "batch_size", "16, 32")]
    [InlineData("5 epochs", "epochs", "5")]
    [InlineData("without sgd", "optimizer", "adamw, lion")]
    [InlineData("rank at most 16", "rank", "4, 8, 16")]
    public void A_constraint_narrows_the_space(string text, string name, string expected)
    {
        SearchSpace narrow = SpaceNarrowing.Apply(Space, RequestReader.Read(text, Space).Constraints);
        Assert.Equal(expected, narrow.Parameters[narrow.IndexOf(name)].Describe());
        Assert.Equal(Space.Parameters.Select(p => p.Name), narrow.Parameters.Select(p => p.Name));
    }

    [Fact]
    public void Steps_and_conditions_stay_sound_in_a_narrowed_space()
    {
        var space = new SearchSpace([new FloatParameter("momentum", 0, 1, step: 0.1), new IntParameter("width", 8, 64, step: 8), new CategoricalParameter("loss", ["cross-entropy", "focal"]),
            new FloatParameter("gamma", 0, 5, when: [new("loss", "focal")])]);
        SearchSpace narrow = SpaceNarrowing.Apply(space, RequestReader.Read("momentum between 0.25 and 0.7; width above 16 and below 48; without focal", space).Constraints);
        Assert.Equal(["momentum", "width", "loss"], narrow.Parameters.Select(p => p.Name));
        Assert.Equal("0.3 to 0.7 in steps of 0.1", narrow.Parameters[0].Describe());
        Assert.Equal("24 to 40 in steps of 8", narrow.Parameters[1].Describe());
        Assert.All(narrow.Parameters[0].Grid(100), v => Assert.True(space.Parameters[0].Contains(v)));
    }

    [Fact]
    public void What_contradicts_the_space_is_said_all_at_once()
    {
        string message = Assert.Throws<CleaveException>(() => SpaceNarrowing.Apply(Space, RequestReader.Read("lr at least 5, 200 epochs or more", Space).Constraints)).Message;
        Assert.Contains("'lr at least 5' leaves nothing of 'learning_rate'", message, StringComparison.Ordinal);
        Assert.Contains("leaves nothing of 'epochs', which can be 1 to 100", message, StringComparison.Ordinal);
    }
}
