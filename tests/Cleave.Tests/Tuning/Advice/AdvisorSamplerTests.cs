using System.Text.Json.Nodes;
using Cleave.Numerics;
using Cleave.Tests.Formats.Durable;
using Cleave.Tuning;
using Cleave.Tuning.Advice;
using Cleave.Tuning.Samplers;
using Cleave.Tuning.Storage;

namespace Cleave.Tests.Tuning.Advice;

[Trait("Kernels", "unused")]
public sealed class AdvisorSamplerTests : IDisposable
{
    private static readonly SearchSpace Plane = new([new FloatParameter("x", -10, 10), new FloatParameter("y", -10, 10)]);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static double Bowl(ParameterSet p) => Math.Pow(p["x"].AsDouble() - 3, 2) + Math.Pow(p["y"].AsDouble() + 1, 2);

    private (Study Study, AdviceAudit Audit) Run(ScriptedModel model, int trials, string name = AdviceLog.FileName, double share = 0.2, ISampler? own = null, Action<Study>? before = null, TimeSpan? timeout = null)
    {
        using AdviceLog log = AdviceLog.Open(_folder.File(name), Plane);
        var study = new Study(new StudyDefinition("s", Plane, seed: 3), new AdvisorSampler(model.Advisor(log, timeout), own ?? new RandomSampler(), share));
        before?.Invoke(study);
        study.Run(r => Bowl(r.Parameters), trials);
        return (study, AdviceAudit.Of(study.Definition, log.Exchanges, study.Trials));
    }

    // Points that come nearer to the least value, four at a time.
    private static ScriptedModel Helpful() => new(n => ScriptedModel.Points(Enumerable.Range(4 * n, 4).Select(i => (3 + 5 * Math.Pow(0.8, i), -1.0))));

    private static ScriptedModel Useless() => new(n => ScriptedModel.Points(Enumerable.Range(4 * n, 4).Select(i => (-10 + i * 1e-6, 10.0))));

    [Fact]
    public void Useless_advice_costs_its_share_and_a_small_start_at_most()
    {
        foreach (double share in new[] { 0, 0.2 })
        {
            (Study study, AdviceAudit audit) = Run(Useless(), 60, $"useless-{share}.jsonl", share, before: s => s.Enqueue(new([new("x", 4.0), new("y", 0.0)])));
            Assert.InRange(audit.Tried, 1, AdviceBandit.Start + (int)(share * 60));
            Assert.Equal((0, 60), (audit.Gains, study.Trials.Count(t => t.State == TrialState.Complete)));
        }
    }

    [Fact]
    public void Helpful_advice_is_used_more()
    {
        (_, AdviceAudit audit) = Run(Helpful(), 60);
        Assert.InRange(audit.Tried, 40, 60);
        Assert.InRange(audit.Gains, 30, 60);
    }

    [Fact]
    public void Both_sources_see_all_trials()
    {
        int seen = 0;
        var own = new Spy(input => seen = Math.Max(seen, input.History.Count(t => t.Values.Count > 0)));
        ScriptedModel model = Useless();
        (Study study, _) = Run(model, 30, own: own);
        Assert.InRange(seen, study.Trials.Count - 5, study.Trials.Count - 1); // the last ones may have been advice's
        JsonNode last = JsonNode.Parse(model.Asked[^1].User)!;
        Assert.True(last["trials_finished"]!.GetValue<int>() > 5);
        Assert.Equal(study.Best!.Values[0], last["trials"]!.AsArray().Min(t => t!["values"]![0]!.GetValue<double>()), 1e-4 * study.Best.Values[0]);
    }

    public static TheoryData<string> Failures => ["throws", "garbage", "empty", "late", "outside", "huge", "deep", "half", "again"];

    [Theory]
    [MemberData(nameof(Failures))]
    public void A_failing_advisor_backs_off_and_the_study_goes_on_as_its_own_sampler_would(string kind)
    {
        var model = new ScriptedModel((n, _, cancellation) => kind switch
        {
            "throws" => throw new InvalidDataException("the model\nis broken"),
            "garbage" => Task.FromResult("I am a teapot { short and stout }"),
            "empty" => Task.FromResult(""),
            "late" => Task.Delay(Timeout.Infinite, cancellation).ContinueWith(_ => "", TaskScheduler.Default),
            "outside" => Task.FromResult(ScriptedModel.Points((50, 50))),
            "huge" => Task.FromResult(new string('{', 1 << 22)),
            "half" => Task.FromResult("{\"proposals\": [{\"params\": {\"\ud800\": 1}}]} \ud800"),
            "deep" => Task.FromResult(new string('[', 60_000)),
            _ => Task.FromResult(ScriptedModel.Points((1, 1))),
        });
        (Study study, AdviceAudit audit) = Run(model, 40, before: s => s.Enqueue(new([new("x", 1.0), new("y", 1.0)])), timeout: kind == "late" ? TimeSpan.FromMilliseconds(20) : null);
        // Trials 1, 3, 7, 15 and 31.
        Assert.Equal((5, 5, 0), (audit.Asked, audit.Failed, audit.Tried));
        Assert.DoesNotContain('\n', audit.LastError!);
        var alone = new Study(new StudyDefinition("s", Plane, seed: 3), new RandomSampler());
        alone.Enqueue(new([new("x", 1.0), new("y", 1.0)]));
        alone.Run(r => Bowl(r.Parameters), 40);
        Assert.Equal(alone.Trials.Select(t => t.Parameters), study.Trials.Select(t => t.Parameters));
    }

    [Fact]
    public void A_model_that_does_not_listen_is_left_behind()
    {
        using var release = new ManualResetEventSlim();
        var model = new ScriptedModel((_, _, _) => { release.Wait(TimeSpan.FromMinutes(1), CancellationToken.None); return Task.FromResult(""); });
        (Study study, AdviceAudit audit) = Run(model, 2, timeout: TimeSpan.FromMilliseconds(20));
        release.Set();
        Assert.Equal(2, study.Trials.Count);
        Assert.Contains("no answer within 0.02 s", audit.LastError!, StringComparison.Ordinal);
    }

    [Fact]
    public void With_the_log_the_study_replays_without_anybody_being_asked()
    {
        (Study first, AdviceAudit audit) = Run(Helpful(), 30);
        (Study again, AdviceAudit same) = Run(new ScriptedModel(_ => throw new InvalidOperationException("nobody is to be asked")), 30);
        Assert.Equal(first.Trials.Select(t => t.Parameters), again.Trials.Select(t => t.Parameters));
        Assert.Equal(audit, same);
    }

    [Fact]
    public void An_interrupted_study_goes_on_to_the_same_result()
    {
        (Study whole, _) = Run(Helpful(), 24, "whole.jsonl");
        string journal = _folder.File("s.journal"), path = _folder.File("parts.jsonl");
        ScriptedModel model = Helpful();
        foreach (int trials in new[] { 1, 2, 7, 13, 24 })
        {
            using AdviceLog log = AdviceLog.Open(path, Plane);
            using JournalStudyStorage storage = JournalStudyStorage.Open(journal, new StudyDefinition("s", Plane, seed: 3));
            var study = new Study(storage, new AdvisorSampler(model.Advisor(log), new RandomSampler(), 0.2));
            study.Run(r => Bowl(r.Parameters), trials);
            // The process ends with a trial under way.
            study.Ask();
            Assert.Equal(whole.Trials.Take(trials).Select(t => t.Parameters), study.Trials.Take(trials).Select(t => t.Parameters));
        }
    }

    [Fact]
    public void The_users_interruption_ends_a_question_and_leaves_the_trial_to_be_asked_again()
    {
        using var interrupt = new CancellationTokenSource();
        using AdviceLog log = AdviceLog.Open(_folder.File("i.jsonl"), Plane);
        var model = new ScriptedModel(async (_, _, cancellation) => { await interrupt.CancelAsync(); await Task.Delay(Timeout.Infinite, cancellation); return ""; });
        var study = new Study(new StudyDefinition("s", Plane), new AdvisorSampler(model.Advisor(log), new RandomSampler(), 0.2, interrupt.Token));
        Assert.ThrowsAny<OperationCanceledException>(() => study.Ask());
        Assert.Empty(log.Exchanges);
        Assert.Equal(TrialState.Waiting, Assert.Single(study.Trials).State);
    }

    [Fact]
    public void The_allowance_grows_with_trials_and_with_gains()
    {
        var bandit = new AdviceBandit(0.25);
        Assert.Equal([3, 8, 12], new[] { bandit.Allowance(0, 0), bandit.Allowance(20, 0), bandit.Allowance(20, 1) });
        var study = new StudyDefinition("s", Plane);
        Assert.True(bandit.TakesAdvice(new AdviceRecord(study, [], []), 0, new Rng(1)));
    }

    [Fact]
    public void A_gain_is_a_new_best_or_a_better_part_of_the_front()
    {
        var space = new SearchSpace([new FloatParameter("x", 0, 9)]);
        double[][] values = [[5, 5], [6, 4], [4, 4], [9, 9], [3, 7], [4, 4]];
        AdviceExchange[] exchanges = [new(0, "m", null, [.. Enumerable.Range(0, 6).Select(i => new Proposal(new([new("x", (double)i)]), "", []))], [])];
        var study = new Study(new StudyDefinition("s", space, [Direction.Minimize, Direction.Minimize], 1), new RandomSampler());
        for (int i = 0; i < values.Length; i++)
            study.Enqueue(new([new("x", (double)i)]));
        study.Run(r => TrialOutcome.Complete(values[r.Number]), values.Length);
        var record = new AdviceRecord(study.Definition, exchanges, study.Trials);
        Assert.Equal([false, true, false, false, false], record.Advised);
        Assert.Equal((6, 1, 0), (record.Started, record.Gains, record.Own.Count));
        Assert.Equal(0, new AdviceRecord(study.Definition, [exchanges[0] with { Trial = 6 }], study.Trials).Started);
    }

    private sealed class Spy(Action<SamplerInput> see) : ISampler
    {
        private readonly RandomSampler _random = new();

        public string Name => "spy";

        public ParameterSet? Suggest(SamplerInput input)
        {
            see(input);
            return _random.Suggest(input);
        }
    }
}
