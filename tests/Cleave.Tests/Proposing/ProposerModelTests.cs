using Cleave.Formats.Safetensors;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;
using Cleave.Proposing;
using Cleave.Tests.Formats.Durable;
using Cleave.Tuning.Samplers.Proposals;

namespace Cleave.Tests.Proposing;

public sealed class ProposerModelTests : IDisposable
{
    private static readonly ProposerShape Small = new() { Width = 16, Layers = 2, Heads = 2, FeedForward = 16, Slots = 4, Codes = 4, Bins = 20, MostTrials = 12 };
    private static readonly int[] Choices = [0, 3];
    private static readonly double[][] Points = [[0.1, 0], [0.6, 2], [0.9, 1], [0.4, double.NaN]];
    private static readonly double[] Values = [-1.2, 0.1, 1.3, -0.2];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A network whose weights all take part: a new one's head is zero.</summary>
    private static ProposerNetwork Network()
    {
        ProposerNetwork network = ProposerNetwork.Create(Small, new Rng(3));
        var rng = new Rng(4);
        foreach ((_, Tensor tensor) in network.Parameters)
        {
            foreach (ref float w in tensor.Data)
                w = (float)(Half)(w + 0.1f * (float)rng.NextGaussian()); // what float16 holds
        }
        return network;
    }

    private static float[] Ask(ProposerModel model, int[] order)
    {
        using IValuePosterior posterior = model.Given(Choices, [.. order.Select(i => Points[i])], [.. order.Select(i => Values[i])]);
        return posterior.Probabilities([[0.2, 1], [0.7, 0]]);
    }

    private string File(Action<byte[]>? damage = null, int? length = null)
    {
        string path = _folder.File("model.safetensors");
        ProposerModel.Save(Network(), path);
        byte[] bytes = System.IO.File.ReadAllBytes(path)[..(length ?? (int)new FileInfo(path).Length)];
        damage?.Invoke(bytes);
        System.IO.File.WriteAllBytes(path, bytes);
        return path;
    }

    [Fact]
    public void A_file_gives_the_network_back_and_its_probabilities_sum_to_one()
    {
        float[] expected = Ask(new ProposerModel(Network()), [0, 1, 2, 3]), read = Ask(ProposerModel.Load(File()), [0, 1, 2, 3]);
        Assert.Equal(expected, read);
        Assert.Equal(1, read[..Small.Bins].Sum(), 1e-5);
        Assert.Equal(1, read[Small.Bins..].Sum(), 1e-5);
    }

    [Fact]
    public void The_order_of_the_trials_does_not_matter_and_each_point_is_answered_by_itself()
    {
        var model = new ProposerModel(Network());
        float[] expected = Ask(model, [0, 1, 2, 3]), other = Ask(model, [2, 0, 3, 1]);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], other[i], 1e-5);
        using IValuePosterior posterior = model.Given(Choices, Points, Values);
        float[] alone = posterior.Probabilities([[0.7, 0]]);
        for (int i = 0; i < alone.Length; i++)
            Assert.Equal(expected[Small.Bins + i], alone[i], 1e-5);
    }

    /// <summary>Training passes known and asked rows at once, a sampler the known ones first: both are the same network.</summary>
    [Fact]
    public void What_is_trained_is_what_answers()
    {
        ProposerNetwork network = Network();
        var average = new ProcessAverage(Choices, Points, Values);
        double[] ranks = TrialRows.Ranks(Values);
        using var tape = new Tape(records: true);
        Tensor x = tape.New(6, network.Rows.Columns), start = tape.New(2, Small.Bins);
        for (int i = 0; i < 4; i++)
            network.Rows.Known(Choices, Points[i], average, Values[i], ranks[i], Row(x, i));
        network.Rows.Asked(Choices, [0.2, 1], average, Row(x, 4), Row(start, 0));
        network.Rows.Asked(Choices, [0.7, 0], average, Row(x, 5), Row(start, 1));
        Tensor logits = network.Forward(tape, x, start, new StudyRows(new[] { 0, 6 }, new[] { 0, 4 }, new[] { 0, 1, 2, 3 }, new[] { 4, 5 }));
        float[] trained = logits.Data.ToArray(), answered = Ask(new ProposerModel(network), [0, 1, 2, 3]);
        Softmax.Rows(trained, 2, Small.Bins);
        for (int i = 0; i < trained.Length; i++)
            Assert.Equal(trained[i], answered[i], 1e-5);
        Op.CrossEntropy(tape, logits, [3, 7]);
        tape.Backward();
        Assert.All(network.Parameters, p => Assert.True(p.Tensor.HasGradient && VectorMath.SumOfSquares(p.Tensor.Gradient) > 0, p.Name));

        static Span<float> Row(Tensor tensor, int row) => tensor.Data.Slice(row * tensor.Columns, tensor.Columns);
    }

    [Fact]
    public void A_damaged_file_is_one_clear_line()
    {
        Refused(File(length: 200), "");
        Refused(File(length: 4000), "");
        Refused(File(b => b.AsSpan(b.Length - 40).Fill(0xFF)), "not finite");
        Refused(_folder.File("absent.safetensors"), "");
        string other = _folder.File("other.safetensors");
        SafetensorsWriter.Write(other, [TensorToWrite.From("a", SafetensorsDType.F32, [1, 1], new float[1])]);
        Refused(other, "not a proposer's file");
        foreach ((string key, string value, string complaint) in new[] { ("width", "1024", "bytes are fewer"), ("width", "many", "no number 'width'"), ("heads", "3", "no such network"), ("proposer", "2", "form '2'"), ("bins", "19", "asks for") })
        {
            var metadata = new Dictionary<string, string>(Small.ToMetadata()) { [key] = value };
            SafetensorsWriter.Write(other, [.. Network().Parameters.Select(p => TensorToWrite.From(p.Name, SafetensorsDType.F16, [p.Tensor.Rows, p.Tensor.Columns], p.Tensor.Data.ToArray()))], metadata);
            Refused(other, complaint);
        }

        static void Refused(string path, string complaint)
        {
            CleaveException e = Assert.Throws<ModelFileException>(() => ProposerModel.Load(path));
            Assert.Contains(complaint, e.Message, StringComparison.Ordinal);
            Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', e.Message);
        }
    }
}
