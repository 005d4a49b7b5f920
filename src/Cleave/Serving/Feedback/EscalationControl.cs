namespace Cleave.Serving.Feedback;

/// <summary>How sure a module has to be at present, and why.</summary>
/// <param name="Floor">What the release's own threshold is: it is never less.</param>
/// <param name="Judged">Answers that somebody has judged.</param>
/// <param name="MeanLoss">Of those; an answer of the monolith loses nothing.</param>
public sealed record EscalationState(string Version, string Task, double Floor, double Threshold, long Judged, double MeanLoss);

/// <summary>
/// Moves the confidence from which on modules answer by themselves, by what people say of answers (Gibbs and Candès 2021, adaptive conformal
/// inference): after each judgement of loss l the threshold moves by step · (l − risk). A bad answer raises it, what was good or was the
/// monolith's lowers it, but never below the release's own threshold. Nothing is drawn at random: the same judgements in the same order give
/// the same thresholds. Safe for use from several threads.
/// </summary>
/// <remarks>
/// Whoever judges, and be it to do harm: the threshold stays between the release's and <see cref="Most"/>, where the monolith answers everything. And
/// because a module that does not answer loses nothing, the mean loss of T answers that are judged one after the other is at most
/// risk + (Most − floor) / (step · T), whatever the confidences are worth; answers that were given before an earlier one was judged may lose 1 / T each beyond that.
/// </remarks>
public sealed class EscalationControl
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Version, string Task), Tuned> _tasks = [];

    /// <param name="risk">The mean loss of an answer that is aimed at, above 0 and below 1; a wrong one loses 1.</param>
    /// <param name="step">How far one judgement moves the threshold at most.</param>
    public EscalationControl(double risk, double step = 0.02)
    {
        if (!(risk is > 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(risk), risk, "a risk lies between 0 and 1");
        if (!(step is > 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(step), step, "a step lies between 0 and 1");
        (Risk, Step) = (risk, step);
    }

    public double Risk { get; }

    public double Step { get; }

    /// <summary>Above every confidence: the monolith answers everything. No answer of a module, whose threshold is at most 1, moves it further.</summary>
    public double Most => 1 + Step;

    /// <summary>In the order of versions and tasks.</summary>
    public IReadOnlyList<EscalationState> State
    {
        get
        {
            lock (_gate)
            {
                return [.. _tasks.OrderBy(t => t.Key.Version, StringComparer.Ordinal).ThenBy(t => t.Key.Task, StringComparer.Ordinal)
                    .Select(t => new EscalationState(t.Key.Version, t.Key.Task, t.Value.Floor, t.Value.Threshold, t.Value.Judged, t.Value.Judged > 0 ? t.Value.Loss / t.Value.Judged : 0))];
            }
        }
    }

    /// <summary>How sure a module has to be now; from the first call on its threshold moves.</summary>
    /// <param name="floor">The release's own threshold.</param>
    public double Threshold(string version, string task, double floor)
    {
        lock (_gate)
        {
            Tuned tuned = Of(version, task, floor);
            // What a log of judgements says of a release is not what the release says.
            tuned.Floor = floor;
            return tuned.Threshold = Math.Max(floor, tuned.Threshold);
        }
    }

    /// <summary>The release's own threshold; null where none is moved for the task.</summary>
    public double? FloorOf(string version, string task)
    {
        lock (_gate)
            return _tasks.TryGetValue((version, task), out Tuned? tuned) ? tuned.Floor : null;
    }

    /// <summary>Hears of one answer; of a task without a threshold nothing becomes of it.</summary>
    /// <param name="score">From 0, wrong, to 1, right.</param>
    /// <param name="escalated">Whether the monolith answered.</param>
    public void Judge(string version, string task, double score, bool escalated)
    {
        lock (_gate)
        {
            if (!_tasks.TryGetValue((version, task), out Tuned? tuned))
                return;
            double loss = escalated ? 0 : 1 - Math.Clamp(score, 0, 1);
            tuned.Judged++;
            tuned.Loss += loss;
            tuned.Threshold = Math.Clamp(tuned.Threshold + Step * (loss - Risk), tuned.Floor, Math.Max(Most, tuned.Floor));
        }
    }

    private Tuned Of(string version, string task, double floor) =>
        _tasks.TryGetValue((version, task), out Tuned? tuned) ? tuned : _tasks[(version, task)] = new Tuned { Floor = floor, Threshold = floor };

    private sealed class Tuned
    {
        public double Floor { get; set; }
        public double Threshold { get; set; }
        public long Judged { get; set; }
        public double Loss { get; set; }
    }
}
