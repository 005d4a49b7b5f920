using Cleave.Evaluation;

namespace Cleave.Serving.Feedback;

/// <summary>What judgements have shown of a version that is tried.</summary>
public enum TrialVerdict
{
    /// <summary>Not enough yet.</summary>
    Open,

    /// <summary>It loses at most as much more than the other one as may be lost.</summary>
    AsGood,

    /// <summary>It loses less than the other one.</summary>
    Better,

    /// <summary>It loses more than may be lost, and gets no more requests.</summary>
    Worse,
}

/// <summary>What a bandit has learnt.</summary>
/// <param name="Share">Of the requests, that the tried version answers now.</param>
/// <param name="Most">That it may answer.</param>
/// <param name="Risk">That may be lost more, a judged answer.</param>
/// <param name="Judged">Answers of both versions that were judged, or failed.</param>
/// <param name="Tried">Of those, the tried version's.</param>
/// <param name="Extra">What the tried version loses more, as it looks now; null without judgements.</param>
/// <param name="Low">It is not less than this, and not more than <paramref name="High"/>.</param>
public sealed record BanditState(double Share, double Most, double Risk, long Judged, long Tried, double? Extra, double Low, double High, TrialVerdict Verdict);

/// <summary>
/// Finds the share of the requests that a version on trial answers, by what people say of its answers and of the others': as much as it is probable
/// that it is the better one (Thompson 1933), and never so much that more than <see cref="Risk"/> of a judged answer would be lost by trying (as in conservative
/// bandits: Wu et al. 2016, arXiv:1602.04282). Where it loses more than that for certain, it gets nothing any more. It promotes
/// nothing. The same judgements in the same order give the same shares. Safe for use from several threads.
/// </summary>
/// <remarks>
/// The share is the least of <see cref="Most"/>, Φ(−z), where z is how many standard deviations the tried version seems worse, and
/// <see cref="Risk"/> / (the most that it can lose more: <see cref="BettingBounds"/>), but not less than <see cref="Risk"/>, with which it begins: then too no more can be
/// lost, and a version that was unlucky can still show what it is worth. Whoever judges, and be it to do harm: the share stays between 0 and <see cref="Most"/>.
/// </remarks>
public sealed class VersionBandit
{
    /// <summary>Unless a trial is told otherwise: as a canary of 5 percent that goes wrong altogether.</summary>
    public const double UsualRisk = 0.05;

    /// <summary>How probable it is that a verdict is ever wrong.</summary>
    public const double Error = 0.05;

    private readonly Lock _gate = new();
    private readonly BettingBounds _bounds;
    private readonly Action<BanditState>? _decided;
    private long _judged, _tried;
    private double _sum, _squares, _weight;
    private double _share;
    private TrialVerdict _verdict;

    /// <param name="most">The largest share, above 0 and below 1.</param>
    /// <param name="risk">What may be lost more, a judged answer; from 0.001 and below 1.</param>
    /// <param name="decided">Hears of each verdict, on the thread of the judgement.</param>
    public VersionBandit(double most, double risk = UsualRisk, Action<BanditState>? decided = null)
    {
        if (!(most is > 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(most), most, "a share lies between 0 and 1");
        if (!(risk is >= 0.001 and < 1))
            throw new ArgumentOutOfRangeException(nameof(risk), risk, "a risk lies between 0.001 and 1");
        (Most, Risk, _decided) = (most, risk, decided);
        _bounds = new BettingBounds(risk, Error / 2);
        _share = Math.Min(risk, most);
    }

    public double Most { get; }

    public double Risk { get; }

    /// <summary>Of the requests, that the tried version is to answer now.</summary>
    public double Share => Volatile.Read(ref _share);

    public BanditState State
    {
        get
        {
            lock (_gate)
                return Now();
        }
    }

    /// <summary>Hears of one answer.</summary>
    /// <param name="isTried">Whether the tried version gave it.</param>
    /// <param name="share">Its share when the request came; 0 and 1 say nothing.</param>
    /// <param name="score">From 0, wrong or not given at all, to 1, right.</param>
    public void Judge(bool isTried, double share, double score)
    {
        if (!(share is > 0 and < 1))
            return;
        BanditState? decided = null;
        lock (_gate)
        {
            if (_verdict == TrialVerdict.Worse)
                return;
            double loss = 1 - Math.Clamp(score, 0, 1), x = loss * ((isTried ? 1 : 0) - share);
            _bounds.Add(isTried, share, loss);
            (_judged, _tried) = (_judged + 1, _tried + (isTried ? 1 : 0));
            (_sum, _squares, _weight) = (_sum + x, _squares + x * x, _weight + share * (1 - share));
            TrialVerdict verdict = _bounds.Low >= Risk ? TrialVerdict.Worse : _bounds.High <= 0 ? TrialVerdict.Better : _bounds.High <= Risk ? TrialVerdict.AsGood : TrialVerdict.Open;
            Volatile.Write(ref _share, verdict == TrialVerdict.Worse ? 0 : Bounded());
            if (verdict != _verdict)
            {
                _verdict = verdict;
                decided = Now();
            }
        }
        if (decided is not null)
            _decided?.Invoke(decided);
    }

    private double Bounded()
    {
        double better = Normal.Cdf(-_sum / Math.Sqrt(_squares + 1)); // the 1: that of one answer nothing follows yet
        double affordable = _bounds.High > 0 ? Risk / _bounds.High : 1;
        return Math.Min(Most, Math.Max(Risk, Math.Min(better, affordable)));
    }

    private BanditState Now() => new(_share, Most, Risk, _judged, _tried, _weight > 0 ? _sum / _weight : null, _bounds.Low, _bounds.High, _verdict);
}

/// <summary>Which version a request was given while one was on trial: what its judgement is worth.</summary>
/// <param name="IsTried">Whether it was given the version on trial.</param>
/// <param name="Share">That the version on trial had.</param>
public sealed record TrialDraw(VersionBandit Bandit, bool IsTried, double Share)
{
    /// <inheritdoc cref="VersionBandit.Judge"/>
    public void Judge(double score) => Bandit.Judge(IsTried, Share, score);
}
