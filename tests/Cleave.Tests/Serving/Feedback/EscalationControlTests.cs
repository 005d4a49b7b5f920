using Cleave.Serving.Feedback;

namespace Cleave.Tests.Serving.Feedback;

/// <summary>Thresholds that follow what people say, within bounds that nobody can move.</summary>
[Trait("Kernels", "unused")]
public sealed class EscalationControlTests
{
    private const double Floor = 0.3, Risk = 0.1, Step = 0.02;

    private static EscalationControl Control() => new(Risk, Step);

    // Asks and judges so many times; returns the losses in their order and how often the monolith answered.
    private static (List<double> Losses, int Escalated) Live(EscalationControl control, int requests, int seed, Func<double, Random, double> score)
    {
        var draw = new Random(seed);
        var losses = new List<double>();
        int escalated = 0;
        for (int i = 0; i < requests; i++)
        {
            double confidence = draw.NextDouble(), threshold = control.Threshold("v", "t", Floor);
            Assert.InRange(threshold, Floor, control.Most);
            bool escalates = confidence < threshold;
            double said = score(confidence, draw);
            control.Judge("v", "t", said, escalates);
            losses.Add(escalates ? 0 : 1 - said);
            escalated += escalates ? 1 : 0;
        }
        return (losses, escalated);
    }

    /// <summary>The bound holds after each judgement, for modules that are honest, too sure of themselves, useless, and for judges who want to do harm.</summary>
    [Theory]
    [InlineData("honest", 0.05, 0.75)]
    [InlineData("too sure", 0.3, 0.98)]
    [InlineData("useless", 0.8, 1)]
    [InlineData("always bad", 0.8, 1)]
    [InlineData("always good", 0.3, 0.3)]
    [InlineData("bad when it answers high", 0.5, 1)]
    public void The_mean_loss_stays_within_its_bound_whoever_judges(string judge, double leastEscalated, double mostEscalated)
    {
        EscalationControl control = Control();
        const int Requests = 20_000;
        (List<double> losses, int escalated) = Live(control, Requests, seed: 7, (confidence, draw) => judge switch
        {
            "honest" => draw.NextDouble() < 0.5 + confidence / 2 ? 1 : 0,
            "too sure" => draw.NextDouble() < 0.6 * confidence + 0.2 ? 1 : 0,
            "useless" => draw.NextDouble() < 0.1 ? 1 : 0,
            "always bad" => 0,
            "bad when it answers high" => confidence > 0.9 ? 0 : 1,
            _ => 1,
        });
        double sum = 0;
        for (int t = 1; t <= Requests; t++)
            Assert.True((sum += losses[t - 1]) / t <= Risk + (control.Most - Floor) / (Step * t) + 1e-9, $"after {t}: {sum / t}");
        if (judge != "always good")
            Assert.InRange((double)escalated / Requests, leastEscalated, mostEscalated);
        else
            Assert.Equal(Floor, control.Threshold("v", "t", Floor)); // praise does not lower it below what the release says
    }

    [Fact]
    public void Who_wants_to_do_harm_can_make_the_monolith_answer_and_good_judgements_of_that_undo_it()
    {
        EscalationControl control = Control();
        control.Threshold("v", "t", Floor);
        for (int i = 0; i < 10_000; i++)
            control.Judge("v", "t", -5, escalated: false); // as if all of them were answers from before
        Assert.Equal(control.Most, control.Threshold("v", "t", Floor), 12);
        int until = 0;
        for (; control.Threshold("v", "t", Floor) > 0.9; until++)
            control.Judge("v", "t", 1, escalated: true);
        Assert.InRange(until, 1, 65); // 0.12 in steps of 0.002
        for (int i = 0; i < 10_000; i++)
            control.Judge("v", "t", 99, escalated: false);
        Assert.Equal(Floor, control.Threshold("v", "t", Floor));
    }

    [Fact]
    public void The_same_judgements_give_the_same_thresholds_and_each_release_and_task_has_its_own()
    {
        EscalationControl[] both = [Control(), Control()];
        foreach (EscalationControl control in both)
        {
            control.Threshold("w", "t", 0.5);
            Live(control, 500, seed: 3, (c, d) => d.NextDouble() < c ? 1 : 0);
            control.Judge("w", "other", 0, escalated: false); // of no module whose threshold moves
        }
        Assert.Equal(both[0].State, both[1].State);
        Assert.Equal([("v", "t", 500L), ("w", "t", 0L)], both[0].State.Select(s => (s.Version, s.Task, s.Judged)));
        Assert.Equal(0.5, both[0].State[1].Threshold);
        Assert.Equal(0.7, both[0].Threshold("w", "t", 0.7)); // a release says how sure its module has to be; a log does not
        Assert.Equal(2, both[0].Threshold("x", "everything escalates", 2));
    }

    [Theory]
    [InlineData(0, 0.1)]
    [InlineData(1, 0.1)]
    [InlineData(double.NaN, 0.1)]
    [InlineData(0.1, 0)]
    [InlineData(0.1, 1.5)]
    public void What_is_no_risk_or_step_is_refused(double risk, double step) => Assert.Throws<ArgumentOutOfRangeException>(() => new EscalationControl(risk, step));
}
