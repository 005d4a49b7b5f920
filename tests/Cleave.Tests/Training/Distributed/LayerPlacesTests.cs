using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Models;
using Cleave.Training.Adapters;
using Cleave.Training.Distributed;

namespace Cleave.Tests.Training.Distributed;

/// <summary>What is told to be complete during a backward pass is complete: nothing adds to it any more.</summary>
public sealed class LayerPlacesTests
{
    public static TheoryData<string> Families => FamilyCases.Names;

    public static TheoryData<string> EncoderDecoders => T5Cases.Names;

    [Theory]
    [MemberData(nameof(Families))]
    public void Gradients_are_complete_where_a_layer_is_behind(string name) =>
        AllComplete(FamilyCases.Load(name), (model, tape) =>
        {
            Tensor hidden = model.Forward(tape, FamilyCases.Batch(FamilyCases.Sequences(name)), causal: false);
            model.Loss(tape, hidden, [.. Enumerable.Repeat(1, hidden.Rows)]);
        });

    [Theory]
    [MemberData(nameof(EncoderDecoders))]
    public void Gradients_are_complete_where_a_layer_of_either_stack_is_behind(string name) =>
        AllComplete(T5Cases.Load(name), (model, tape) =>
        {
            int[][] answers = T5Cases.Answers(name);
            model.Loss(tape, T5Cases.States(tape, model, T5Cases.Sources(name), [.. answers.Select(a => T5Cases.Read(model, a))]), [.. answers.SelectMany(a => a)]);
        });

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Activations_that_are_computed_again_or_rounded_change_nothing_about_it(bool recompute, bool half)
    {
        Transformer model = TinyModel.Create().Transformer;
        model.TrainingMemory = new TrainingMemory(recompute, half);
        AllComplete(model, Step);
    }

    [Fact]
    public void An_adapter_belongs_to_the_layer_that_it_is_on()
    {
        Transformer model = TinyModel.Create(layers: 2).Transformer;
        Adapter adapter = Adapter.Attach(model, new AdapterOptions(AdapterKind.Lora), new Rng(1));
        IReadOnlyList<ParameterPlace> places = LayerPlaces.Of(model, adapter.Parameters);
        Assert.Equal(adapter.Parameters.Count, places.Sum(p => p.Parameters.Count));
        Assert.Equal(new object[] { model.Layers[1], model.Layers[0] }, places.Select(p => p.Place));
        AllComplete(model, Step, adapter.Parameters);
    }

    [Fact]
    public void A_layer_that_is_run_twice_is_complete_at_its_first_run()
    {
        AllComplete(TinyModel.Create().Transformer, (model, tape) =>
        {
            Step(model, tape);
            Step(model, tape);
        });
    }

    [Fact]
    public void A_parameter_that_is_used_elsewhere_too_is_noticed()
    {
        Transformer model = TinyModel.Create().Transformer;
        using var tape = new Tape(records: true);
        tape.Reached = place => ((Cleave.Models.Blocks.DenseLinear)model.Embedding).Weight.GradientIsComplete |= ReferenceEquals(place, model.Layers[1]);
        Step(model, tape);
        Assert.Contains("outside of the place", Assert.Throws<InvalidOperationException>(tape.Backward).Message, StringComparison.Ordinal);
    }

    private static void Step(Transformer model, Tape tape) => model.Loss(tape, model.Forward(tape, new TokenBatch().Add([1, 2, 3])), [2, 3, 4]);

    private static void AllComplete(Transformer model, Action<Transformer, Tape> step, IReadOnlyList<(string Name, Tensor Tensor)>? parameters = null)
    {
        parameters ??= [.. model.Parameters()];
        float[][] expected = Gradients(null);
        IReadOnlyList<ParameterPlace> places = LayerPlaces.Of(model, parameters);
        var seen = new List<object>();
        var early = new Dictionary<Tensor, float[]>(ReferenceEqualityComparer.Instance);
        float[][] actual = Gradients(place =>
        {
            seen.Add(place);
            foreach (Tensor tensor in places.Single(p => ReferenceEquals(p.Place, place)).Parameters)
            {
                tensor.GradientIsComplete = true;
                early[tensor] = tensor.CompleteGradient.ToArray();
            }
        });
        Assert.Equal(places.Select(p => p.Place), seen);
        Assert.True(early.Count > 0);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], actual[i]);
            if (early.TryGetValue(parameters[i].Tensor, out float[]? then))
                Assert.Equal(expected[i], then);
            Assert.Equal(parameters[i].Name.Contains("layers.", StringComparison.Ordinal), early.ContainsKey(parameters[i].Tensor));
        }

        float[][] Gradients(Action<object>? reached)
        {
            using var tape = new Tape(records: true) { Reached = reached };
            step(model, tape);
            tape.Backward();
            float[][] gradients = [.. parameters.Select(p => p.Tensor.CompleteGradient.ToArray())];
            foreach ((_, Tensor tensor) in parameters)
            {
                tensor.GradientIsComplete = false;
                tensor.ClearGradient();
            }
            return gradients;
        }
    }
}
