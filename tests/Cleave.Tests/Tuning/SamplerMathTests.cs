using System.Text.Json.Nodes;
using Cleave.Numerics;
using Cleave.Tuning;
using Cleave.Tuning.Importance;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Samplers.GaussianProcesses;

namespace Cleave.Tests.Tuning;

/// <summary>The samplers' mathematics against NumPy, SciPy and mpmath (Golden/Tuning/make_samplers.py) and against finite differences.</summary>
public sealed class SamplerMathTests
{
    private static readonly JsonNode Golden = JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", "Tuning", "samplers.json")))!;

    private static double[] Numbers(JsonNode node) => [.. node.AsArray().Select(v => v!.GetValue<double>())];

    private static double[][] Columns(string name) => [.. Enumerable.Range(0, 3).Select(d => Golden[name]!.AsArray().Select(r => r![d]!.GetValue<double>()).ToArray())];

    [Fact]
    public void The_Sobol_sequence_is_SciPys()
    {
        uint[] indices = [1, 2, 3, 37, 63];
        for (int i = 0; i < indices.Length; i++)
        {
            // SciPy walks in the order of Gray's code.
            uint gray = indices[i] ^ (indices[i] >> 1);
            double[] row = Numbers(Golden["sobol"]![i]!);
            for (int d = 0; d < row.Length; d++)
                Assert.Equal(row[d], SobolSequence.At(gray, d, null), 8);
        }
    }

    [Fact]
    public void A_scrambled_sequence_still_has_one_point_in_each_interval()
    {
        for (int d = 0; d < SobolSequence.MaxDimensions; d++)
            Assert.Equal(256, Enumerable.Range(0, 256).Select(i => (int)(256 * SobolSequence.At((uint)i, d, 77))).Distinct().Count());
    }

    [Fact]
    public void The_posterior_is_NumPys_and_its_slopes_are_finite_differences()
    {
        double[][] at = [.. Golden["at"]!.AsArray().Select(r => Numbers(r!))];
        var process = new GaussianProcess(Columns("x"), new bool[3], Numbers(Golden["y"]!), new GaussianHyper(Numbers(Golden["weights"]!), 0.01));
        (double[] mean, double[] deviation) = (Numbers(Golden["mean"]!), Numbers(Golden["deviation"]!));
        double[] meanSlope = new double[3], deviationSlope = new double[3];
        for (int i = 0; i < at.Length; i++)
        {
            (double m, double s) = process.Predict(at[i]);
            Assert.Equal(mean[i], m, 9);
            Assert.Equal(deviation[i], s, 9);
            process.Predict(at[i], meanSlope, deviationSlope);
            for (int d = 0; d < 3; d++)
            {
                (double[] up, double[] down) = ([.. at[i]], [.. at[i]]);
                (up[d], down[d]) = (up[d] + 1e-5, down[d] - 1e-5);
                Assert.Equal((process.Predict(up).Mean - process.Predict(down).Mean) / 2e-5, meanSlope[d], 5);
                Assert.Equal((process.Predict(up).Deviation - process.Predict(down).Deviation) / 2e-5, deviationSlope[d], 5);
            }
        }
    }

    [Fact]
    public void The_slope_of_the_likelihood_is_a_finite_difference_and_fitting_raises_it()
    {
        (double[][] columns, double[] y) = (Columns("x"), Numbers(Golden["y"]!));
        columns[2] = [.. columns[2].Select(v => Math.Floor(3 * v))];
        bool[] isChoice = [false, false, true];
        var fit = new GaussianFit(columns, isChoice, y);
        double[] theta = [-0.3, 0.4, 0.1, -3], slope = new double[4], unused = new double[4];
        fit.Loss(theta, slope);
        for (int d = 0; d < 4; d++)
        {
            (double[] up, double[] down) = ([.. theta], [.. theta]);
            (up[d], down[d]) = (up[d] + 1e-5, down[d] - 1e-5);
            Assert.Equal((fit.Loss(up, unused) - fit.Loss(down, unused)) / 2e-5, slope[d], 4);
        }
        GaussianHyper best = GaussianFit.Of(columns, isChoice, y);
        double[] found = [.. best.Weights.Select(w => -Math.Log(w) / 2), Math.Log(best.Noise)];
        Assert.True(fit.Loss(found, unused) < fit.Loss(theta, slope));
    }

    [Fact]
    public void The_logarithm_of_the_improvement_holds_far_into_the_tail()
    {
        (double[] z, double[] gain) = (Numbers(Golden["z"]!), Numbers(Golden["gain"]!));
        for (int i = 0; i < z.Length; i++)
        {
            Assert.Equal(gain[i], Improvement.LogUnit(z[i]), 5);
            (double byMean, double byDeviation) = Improvement.Slopes(z[i], 0, 1);
            Assert.Equal((Improvement.Log(z[i], 1e-5, 1) - Improvement.Log(z[i], -1e-5, 1)) / 2e-5, byMean, 3);
            Assert.InRange(byDeviation / ((Improvement.Log(z[i], 0, 1 + 1e-6) - Improvement.Log(z[i], 0, 1 - 1e-6)) / 2e-6), 0.99, 1.01);
        }
    }

    [Fact]
    public void Constraints_lead_to_the_best_feasible_point()
    {
        var space = new SearchSpace([new FloatParameter("x", -2, 2), new FloatParameter("y", -2, 2)]);
        var study = new Study(new StudyDefinition("s", space, seed: 4), new GpSampler());
        study.Run(r =>
        {
            (double x, double y) = (r.Parameters["x"].AsDouble(), r.Parameters["y"].AsDouble());
            return TrialOutcome.Complete((x - 1.5) * (x - 1.5) + y * y).WithConstraints(x + y - 0.5); // least at (1, −0.5): 0.5
        }, 35);
        Assert.InRange(study.Best!.Values[0], 0.5, 0.51);
        Assert.Contains(study.Trials, t => t.Violation > 0);
    }

    [Fact]
    public void Importance_finds_the_parameters_that_matter()
    {
        var space = new SearchSpace([new FloatParameter("much", 0, 1), new FloatParameter("little", 0, 1), new FloatParameter("none", 0, 1)]);
        var study = new Study(new StudyDefinition("s", space, seed: 4), new RandomSampler());
        study.Run(r => 10 * r.Parameters["much"].AsDouble() + 2 * r.Parameters["little"].AsDouble(), 200);
        double[] shares = Fanova.Of(study.Definition, study.Trials, 0)!;
        Assert.InRange(shares[0], 0.85, 1);
        Assert.True(shares[1] > 2 * shares[2], string.Join(' ', shares));
        Assert.InRange(shares.Sum(), 0.9, 1.0001);
        Assert.Null(Fanova.Of(study.Definition, [.. study.Trials.Take(5)], 0));
    }
}
