using Cleave.Numerics;

namespace Cleave.Serving.Simulation;

/// <summary>How requests are spread over time.</summary>
public enum TrafficShape
{
    /// <summary>Each request comes whenever it wants to: a Poisson process.</summary>
    Poisson,

    /// <summary>The rate goes up and down as a sine, once a day (or once in the trace, where that is shorter), between a fifth and nine fifths of its mean.</summary>
    Diurnal,

    /// <summary>Of the time a tenth has five times the mean rate, in bursts of ten seconds on average; the rest has what is left.</summary>
    Bursty,
}

/// <summary>A module's part of generated traffic.</summary>
/// <param name="Part">Relative to the others'.</param>
/// <param name="PromptTokens">On average.</param>
/// <param name="CompletionTokens">On average; 1 for what is not made token by token.</param>
public sealed record TrafficPart(string Module, double Part, double PromptTokens, double CompletionTokens);

/// <summary>Traffic that a seed makes. Lengths are log-normal with a standard deviation of half of the mean.</summary>
/// <param name="Rate">Requests a second on average.</param>
public sealed record TrafficPattern(TrafficShape Shape, double Rate, IReadOnlyList<TrafficPart> Mix)
{
    private const double Day = 86_400, Swing = 0.8, BurstPart = 0.1, BurstFactor = 5, BurstSeconds = 10, Spread = 0.5;

    /// <summary>So many requests; the same seed gives the same.</summary>
    public TrafficTrace Generate(int requests, ulong seed)
    {
        if (!(Rate > 0) || Mix.Count == 0 || Mix.Any(p => !(p.Part >= 0)) || !(Mix.Sum(p => p.Part) > 0))
            throw new ArgumentException("traffic has a rate and a mix of modules");
        Rng when = Rng.For(seed, "arrivals"), what = Rng.For(seed, "requests");
        double period = Math.Min(Day, requests / Rate), now = 0, sum = Mix.Sum(p => p.Part), changes = 0;
        bool burst = true;
        var all = new TracedRequest[requests];
        for (int i = 0; i < requests; i++)
        {
            double left = -Math.Log(1 - when.NextDouble()); // of the integral of the rate
            while (true)
            {
                if (Shape == TrafficShape.Bursty && now >= changes)
                {
                    burst = !burst;
                    changes = now - Math.Log(1 - when.NextDouble()) * BurstSeconds * (burst ? 1 : (1 - BurstPart) / BurstPart);
                }
                double rate = RateAt(now, period, burst);
                // Within one stretch the rate is taken as constant; a hundredth of the period is short enough for a sine.
                double stretch = Shape switch { TrafficShape.Diurnal => period / 100, TrafficShape.Bursty => changes - now, _ => double.PositiveInfinity };
                if (left <= rate * stretch)
                {
                    now += left / rate;
                    break;
                }
                left -= rate * stretch;
                now += stretch;
            }
            all[i] = Draw(what, now, sum);
        }
        return new TrafficTrace([.. Mix.Select(p => p.Module)], all);
    }

    private double RateAt(double now, double period, bool burst) => Shape switch
    {
        TrafficShape.Diurnal => Rate * (1 - Swing * Math.Cos(2 * Math.PI * now / period)),
        TrafficShape.Bursty => Rate * (burst ? BurstFactor : (1 - BurstPart * BurstFactor) / (1 - BurstPart)),
        _ => Rate,
    };

    private TracedRequest Draw(Rng rng, double time, double sum)
    {
        double at = rng.NextDouble() * sum;
        int module = 0;
        while (module < Mix.Count - 1 && at >= Mix[module].Part)
            at -= Mix[module++].Part;
        return new TracedRequest(time, module, Length(rng, Mix[module].PromptTokens), Length(rng, Mix[module].CompletionTokens));
    }

    private static int Length(Rng rng, double mean)
    {
        double variance = Math.Log(1 + Spread * Spread);
        return mean <= 1 ? 1 : Math.Max(1, (int)Math.Round(mean * Math.Exp(Math.Sqrt(variance) * rng.NextGaussian() - variance / 2)));
    }
}
