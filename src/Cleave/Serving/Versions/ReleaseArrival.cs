using System.Globalization;

namespace Cleave.Serving.Versions;

/// <summary>What becomes of a release that has come, once it is loaded.</summary>
/// <param name="Kind">One of the words of <see cref="Parse"/>.</param>
/// <param name="Percent">Of a canary.</param>
public sealed record ReleaseArrival(string Kind, double Percent = 0)
{
    private const string Canary = "canary:";

    /// <summary>It answers everything from then on.</summary>
    public static ReleaseArrival Promote { get; } = new("promote");

    /// <summary>Reads <c>promote</c>, <c>load</c> (nothing else happens), <c>shadow</c> or <c>canary:PERCENT</c>.</summary>
    /// <exception cref="CleaveException">It is none of these.</exception>
    public static ReleaseArrival Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text is "promote" or "load" or "shadow")
            return new ReleaseArrival(text);
        return text.StartsWith(Canary, StringComparison.Ordinal)
            && double.TryParse(text[Canary.Length..], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double percent) && percent is > 0 and <= 100
            ? new ReleaseArrival("canary", percent)
            : throw new CleaveException($"'{text}': a new release can be given promote, load, shadow or canary:PERCENT, such as canary:5");
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
        }
    }
}
