namespace Cleave.Serving.Feedback;

/// <summary>
/// Bounds for how much more is lost with one of two versions than with the other, which hold after every judgement at once, however often one looks
/// (a confidence sequence by betting: Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting"; with shares that
/// change: Waudby-Smith et al. 2022, arXiv:2210.10768). Nothing is assumed of the losses, which may drift, but that it was drawn, with the share
/// that is said, which version answers.
/// </summary>
/// <remarks>
/// With A = 1 where the tried version answered, p its share and l the loss, x = l · (A − p) has the mean p · (1 − p) · extra, where extra is what the tried
/// version loses beyond the other one. Against each supposed extra of a grid stakes are laid; a capital that grows 1 / error times says that the
/// supposition is wrong (Ville's inequality). Answers that nobody judges may be left out, also where bad ones are judged oftener: what is
/// bounded is then all that is lost in addition, a judged answer.
/// </remarks>
internal sealed class BettingBounds
{
    private const int Stakes = 10; // shares of the capital: a half, a quarter, …

    private readonly double[] _supposed;
    private readonly double[] _less, _more; // logarithms of capital: supposition × stake
    private readonly double _enough;
    private int _low, _high;

    /// <param name="margin">Is in the grid, and the grid's finest step.</param>
    /// <param name="error">Of each of the two bounds: how probable it is that it is ever wrong.</param>
    public BettingBounds(double margin, double error)
    {
        List<double> above = [];
        for (double extra = margin; extra < 1; extra *= 1.25)
            above.Add(extra);
        above.Add(1);
        _supposed = [.. above.AsEnumerable().Reverse().Select(x => -x), 0, .. above];
        _less = new double[_supposed.Length * Stakes];
        _more = new double[_supposed.Length * Stakes];
        _enough = Math.Log(Stakes / error);
        _high = _supposed.Length - 1;
    }

    /// <summary>The extra loss is not less than this.</summary>
    public double Low => _supposed[_low];

    /// <summary>The extra loss is not more than this.</summary>
    public double High => _supposed[_high];

    /// <param name="isTried">Whether the tried version answered.</param>
    /// <param name="share">How probable that was, above 0 and below 1.</param>
    /// <param name="loss">From 0 to 1.</param>
    public void Add(bool isTried, double share, double loss)
    {
        double x = loss * ((isTried ? 1 : 0) - share), variance = share * (1 - share);
        for (int s = 0; s < _supposed.Length; s++)
        {
            double supposed = _supposed[s], beyond = x - supposed * variance;
            Bet(_less, s, -beyond / (1 - share + Math.Max(-supposed, 0) * variance));
            Bet(_more, s, beyond / (share + Math.Max(supposed, 0) * variance));
        }
        while (_high > 0 && Capital(_less, _high - 1) > _enough)
            _high--;
        while (_low < _supposed.Length - 1 && Capital(_more, _low + 1) > _enough)
            _low++;
    }

    // What is won is at least −1 times the stake.
    private static void Bet(double[] capital, int supposition, double won)
    {
        double stake = 0.5;
        for (int k = 0; k < Stakes; k++, stake /= 2)
            capital[supposition * Stakes + k] += Math.Log(1 + stake * won);
    }

    // The logarithm of the sum over the stakes, of which each began with 1.
    private static double Capital(double[] capital, int supposition)
    {
        ReadOnlySpan<double> each = capital.AsSpan(supposition * Stakes, Stakes);
        double most = double.NegativeInfinity, sum = 0;
        foreach (double one in each)
            most = Math.Max(most, one);
        foreach (double one in each)
            sum += Math.Exp(one - most);
        return most + Math.Log(sum);
    }
}
