using System.Globalization;

namespace Cleave;

/// <summary>Bytes for people.</summary>
public static class ByteSize
{
    private static readonly (string Unit, double Factor)[] Units = [("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1)];

    /// <summary>A size as people write it, such as <c>512MB</c> or <c>1.5 GB</c>; null where it is none.</summary>
    public static long? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        foreach ((string unit, double factor) in Units)
        {
            if (text.EndsWith(unit, StringComparison.OrdinalIgnoreCase))
            {
                return double.TryParse(text.AsSpan(0, text.Length - unit.Length).TrimEnd(), NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
                    && value * factor is >= 1 and < 1e18 ? (long)(value * factor) : null;
            }
        }
        return null;
    }

    public static string Text(long bytes) => bytes switch
    {
        < 1_000_000 => FormattableString.Invariant($"{bytes} bytes"),
        < 1_000_000_000 => FormattableString.Invariant($"{bytes / 1e6:0.0} MB"),
        _ => FormattableString.Invariant($"{bytes / 1e9:0.0} GB"),
    };
}
