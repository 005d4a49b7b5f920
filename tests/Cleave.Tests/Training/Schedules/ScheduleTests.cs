using System.Text.Json;
using Cleave.Training.Schedules;

namespace Cleave.Tests.Training.Schedules;

/// <summary>Learning rates against PyTorch's schedulers. Made by Golden/training/make_schedules.py.</summary>
public class ScheduleTests
{
    private const double Peak = 0.02;
    private const int Total = 40, WarmupSteps = 8;

    private static readonly JsonElement Expected =
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "training", "schedules.json"))).RootElement;

    [Theory]
    [InlineData("constant")]
    [InlineData("linear")]
    [InlineData("cosine")]
    [InlineData("stable")]
    [InlineData("one-cycle")]
    [InlineData("cyclic")]
    [InlineData("range")]
    public void Learning_rates_are_PyTorchs(string name)
    {
        ISchedule schedule = name switch
        {
            "constant" => new ConstantSchedule(Peak, WarmupSteps, Total),
            "linear" => new LinearSchedule(Peak, WarmupSteps, Total, 0.05),
            "cosine" => new CosineSchedule(Peak, WarmupSteps, Total, 0.1),
            "stable" => new StableSchedule(Peak, WarmupSteps, Total, 12, 0.1),
            "one-cycle" => new OneCycleSchedule(Peak, Total),
            "cyclic" => new CyclicSchedule(Peak, Total, 5),
            _ => new RangeTestSchedule(Peak, Peak * 1000, Total),
        };
        double[] expected = Numbers(name);
        Assert.True(expected.Length >= Total - 1);
        for (int step = 0; step < expected.Length; step++)
            Assert.True(Math.Abs(expected[step] - schedule.At(step)) <= 1e-9 * expected[step] + 1e-12, $"step {step}: {schedule.At(step)}, PyTorch {expected[step]}");
    }

    [Fact]
    public void A_plateau_lowers_the_learning_rate_as_PyTorch_does_also_when_continued()
    {
        double[] expected = Numbers("plateau"), losses = Numbers("plateau-losses");
        var schedule = new PlateauSchedule(Peak, 0, Total, finalShare: 0.2);
        for (int step = 0; step < losses.Length; step++)
        {
            Assert.Equal(expected[step], schedule.At(step), 1e-12);
            schedule.Observe(losses[step]);
            schedule = new PlateauSchedule(Peak, 0, Total, finalShare: 0.2) { State = schedule.State };
        }
        Assert.Contains(expected, rate => rate < Peak);
    }

    [Fact]
    public void Cycles_end_where_the_rate_begins_again_and_at_the_last_step()
    {
        var schedule = new CyclicSchedule(Peak, 22, 5); // of 5, 5, 5, 5 and 2
        int[] ends = [.. Enumerable.Range(1, 22).Where(schedule.EndsCycle)];
        Assert.Equal([5, 10, 15, 20, 22], ends);
        Assert.All(ends.SkipLast(1), end => Assert.Equal(Peak, schedule.At(end)));
    }

    [Fact]
    public void A_range_test_suggests_a_rate_below_the_lowest_loss()
    {
        var test = new RangeTestSchedule(1e-6, 1, 101);
        // A loss that falls until the rate is 1e-2 and rises behind it.
        double[] losses = [.. Enumerable.Range(0, 101).Select(step => Math.Abs(Math.Log10(test.At(step)) + 2))];
        Assert.InRange(test.Suggest(losses), 1e-3, 2e-2);
    }

    private static double[] Numbers(string name) => [.. Expected.GetProperty(name).EnumerateArray().Select(x => x.GetDouble())];
}
