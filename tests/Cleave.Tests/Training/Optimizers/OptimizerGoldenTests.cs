using System.Text.Json;
using Cleave.Numerics.Tensors;
using Cleave.Tests.Numerics.Kernels;
using Cleave.Training.Optimizers;

namespace Cleave.Tests.Training.Optimizers;

/// <summary>Ten steps of every rule against PyTorch or the paper in double precision. Made by Golden/training/make_optimizers.py.</summary>
public class OptimizerGoldenTests
{
    private const double Tolerance = 2e-6;
    private static readonly JsonElement Expected =
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "training", "optimizers.json"))).RootElement;

    private static readonly Dictionary<string, (int Rows, int Columns)> Shapes = new() { ["wide"] = (5, 7), ["tall"] = (9, 4), ["vector"] = (1, 6) };

    public static TheoryData<string> Runs => [.. Expected.GetProperty("runs").EnumerateObject().Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(Runs))]
    public void Ten_steps_are_the_references(string run) => Variants.EachSet(where =>
    {
        (List<(string Name, Tensor Tensor)> parameters, ParameterGroup group, double rate) = Setting(run);
        using var optimizer = new Optimizer(group) { ClipNorm = float.PositiveInfinity };
        JsonElement steps = Expected.GetProperty("runs").GetProperty(run);
        for (int t = 0; t < 10; t++)
        {
            SetGradients(parameters, t);
            optimizer.Update(rate);
            foreach ((string name, Tensor tensor) in parameters)
            {
                double[] expected = Numbers(steps[t].GetProperty(name));
                for (int i = 0; i < expected.Length; i++)
                    Assert.True(Math.Abs(expected[i] - tensor.Data[i]) <= Tolerance * Math.Max(1, Math.Abs(expected[i])), $"{where}{run}, step {t + 1}, {name}[{i}]: {tensor.Data[i]}, expected {expected[i]}");
            }
        }
    });

    [Fact]
    public void An_L1_penalty_makes_weights_exactly_zero()
    {
        (List<(string Name, Tensor Tensor)> parameters, ParameterGroup group, double rate) = Setting("sgd-l1");
        using var optimizer = new Optimizer(group) { ClipNorm = float.PositiveInfinity };
        for (int t = 0; t < 10; t++)
        {
            SetGradients(parameters, t);
            optimizer.Update(rate);
        }
        double[] last = Numbers(Expected.GetProperty("runs").GetProperty("sgd-l1")[9].GetProperty("wide"));
        Assert.Contains(last, x => x == 0);
        for (int i = 0; i < last.Length; i++)
            Assert.Equal(last[i] == 0, parameters[0].Tensor.Data[i] == 0);
    }

    [Fact]
    public void Averages_of_the_weights_are_PyTorchs()
    {
        (List<(string Name, Tensor Tensor)> parameters, ParameterGroup group, double rate) = Setting("adamw");
        using var optimizer = new Optimizer(group) { ClipNorm = float.PositiveInfinity };
        using WeightAverage exponential = WeightAverage.Exponential(parameters, 0.5), stochastic = WeightAverage.Stochastic(parameters, 4);
        for (int t = 0; t < 10; t++)
        {
            SetGradients(parameters, t);
            optimizer.Update(rate);
            exponential.After(t + 1);
            stochastic.After(t + 1);
        }
        Compare(exponential, "exponential_half");
        Compare(stochastic, "stochastic_from_4");

        void Compare(WeightAverage average, string key)
        {
            double[] expected = Numbers(Expected.GetProperty(key));
            float[] before = parameters[0].Tensor.Data.ToArray();
            average.Weights.Swap();
            for (int i = 0; i < expected.Length; i++)
                Assert.Equal(expected[i], parameters[0].Tensor.Data[i], Tolerance);
            average.Weights.Swap();
            Assert.Equal(before, parameters[0].Tensor.Data.ToArray());
        }
    }

    private static (List<(string, Tensor)> Parameters, ParameterGroup Group, double Rate) Setting(string run)
    {
        List<(string Name, Tensor Tensor)> parameters = [.. Expected.GetProperty("runs").GetProperty(run)[0].EnumerateObject().Select(p =>
            (p.Name, Tensor.From([.. Numbers(Expected.GetProperty("start").GetProperty(p.Name)).Select(x => (float)x)], Shapes[p.Name].Rows, Shapes[p.Name].Columns)))];
        ParameterGroup With(IUpdateRule rule, float decay = 0, float l2 = 0, float l1 = 0) => new(parameters, rule) { WeightDecay = decay, L2 = l2, L1 = l1 };
        ParameterGroup group = run switch
        {
            "sgd" => With(new Sgd(0)),
            "sgd-momentum" => With(new Sgd()),
            "sgd-nesterov-l2" => With(new Sgd(Nesterov: true), l2: 0.1f),
            "sgd-l1" => With(new Sgd(0), l1: 2),
            "adam" => With(new Adam(Beta2: 0.99f)),
            "adam-l2" => With(new Adam(Beta2: 0.99f), l2: 0.1f),
            "adamw" => With(new Adam(Beta2: 0.99f), decay: 0.1f),
            "lion" => With(new Lion(), decay: 0.1f),
            "lamb" => With(new Lamb(), decay: 0.1f),
            "adafactor" => With(new Adafactor(), decay: 0.1f),
            "muon" => With(new Muon(), decay: 0.1f),
            _ => throw new ArgumentException(run),
        };
        return (parameters, group, run == "sgd-l1" ? 0.1 : 0.01);
    }

    private static void SetGradients(List<(string Name, Tensor Tensor)> parameters, int step)
    {
        foreach ((string name, Tensor tensor) in parameters)
        {
            double[] gradient = Numbers(Expected.GetProperty("gradients")[step].GetProperty(name));
            for (int i = 0; i < gradient.Length; i++)
                tensor.Gradient[i] = (float)gradient[i];
        }
    }

    private static double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(x => x.GetDouble())];
}
