using System.Globalization;

namespace Cleave.Serving.Versions;

/// <summary>What becomes of a release that has come, once it is loaded.</summary>
/// <param name="Kind">One of the words of <see cref="Parse"/>.</param>
/// <param name="Percent">Of a canary, or the most of a trial that learns.</param>
public sealed record ReleaseArrival(string Kind, double Percent = 0)
{
    private static readonly string[] Shared = ["canary", "learn"];

    /// <summary>It answers everything from then on.</summary>
    public static ReleaseArrival Promote { get; } = new("promote");

    /// <summary>Whether its share is to follow judgements of answers.</summary>
    public bool IsLearning => Kind == "learn";

    /// <summary>Reads <c>promote</c>, <c>load</c> (nothing else happens), <c>shadow</c>, <c>canary:PERCENT</c> or <c>learn:PERCENT</c>.</summary>
    /// <exception cref="CleaveException">It is none of these.</exception>
    public static ReleaseArrival Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text is "promote" or "load" or "shadow")
            return new ReleaseArrival(text);
        return text.Split(':') is [var kind, var number] && Shared.Contains(kind)
            && double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double percent) && percent > 0 && percent <= (kind == "learn" ? 99 : 100)
            ? new ReleaseArrival(kind, percent)
            : throw new CleaveException($"'{text}': a new release can be given promote, load, shadow, canary:PERCENT, such as canary:5, or learn:PERCENT, at most 99, such as learn:50");
    }

    /// <exception cref="VersionException">The host refuses it.</exception>
    internal void Apply(VersionedHost host, string hash)
    {
        switch (Kind)
        {
            case "promote":
                host.Promote(hash);
                break;
            case "shadow":
                host.StartShadow(hash);
                break;
            case "canary":
                host.StartCanary(hash, Percent);
                break;
            case "learn":
                host.StartLearning(hash, Percent);
                break;
        }
    }
}
