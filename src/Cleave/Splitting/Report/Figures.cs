using System.Globalization;

namespace Cleave.Splitting.Report;

/// <summary>Numbers as people read them: three significant digits, units, no false precision.</summary>
internal static class Figures
{
    /// <summary>Stands where there is no number.</summary>
    public const string None = "–";

    private const string Minus = "\u2212";

    public static string Count(long n) => Sign(n.ToString("N0", CultureInfo.InvariantCulture));

    public static string Bytes(double bytes) => bytes switch
    {
        >= 999.5e6 => Significant(bytes / 1e9) + " GB",
        >= 999.5e3 => Significant(bytes / 1e6) + " MB",
        >= 999.5 => Significant(bytes / 1e3) + " kB",
        _ => Count((long)bytes) + " B",
    };

    public static string Parameters(double n) => n switch
    {
        >= 999.5e6 => Significant(n / 1e9) + " B",
        >= 999.5e3 => Significant(n / 1e6) + " M",
        >= 999.5 => Significant(n / 1e3) + " k",
        _ => Count((long)n),
    };

    public static string Nanoseconds(double ns) => ns switch
    {
        >= 999.5e6 => Significant(ns / 1e9) + " s",
        >= 999.5e3 => Significant(ns / 1e6) + " ms",
        >= 999.5 => Significant(ns / 1e3) + " µs",
        _ => Significant(ns) + " ns",
    };

    public static string Milliseconds(double ms) => Nanoseconds(ms * 1e6);

    /// <summary>A ratio, "6.1×" or "12×".</summary>
    public static string Times(double ratio) =>
        !double.IsFinite(ratio) ? None
        : ratio.ToString(ratio >= 9.95 ? "N0" : ratio >= 1.995 ? "0.0" : "0.00", CultureInfo.InvariantCulture) + "×";

    public static string Percent(double share) =>
        double.IsFinite(share) ? Sign((share * 100).ToString("0.0", CultureInfo.InvariantCulture)) + "%" : None;

    /// <summary>A confidence such as 0.95 without a needless decimal: "95%", "97.5%".</summary>
    public static string Confidence(double share) => (share * 100).ToString("0.##", CultureInfo.InvariantCulture) + "%";

    public static string PValue(double p) =>
        p < 0.0001 ? "< 0.0001" : p.ToString(p < 0.001 ? "0.0000" : "0.000", CultureInfo.InvariantCulture);

    public static string Elapsed(TimeSpan t) =>
        t.TotalSeconds < 60 ? Significant(t.TotalSeconds) + " s"
        : t.TotalMinutes < 60 ? string.Create(CultureInfo.InvariantCulture, $"{(int)t.TotalMinutes} min {t.Seconds} s")
        : string.Create(CultureInfo.InvariantCulture, $"{(int)t.TotalHours} h {t.Minutes} min");

    /// <summary>Three significant digits, never scientific below a million.</summary>
    public static string Significant(double x)
    {
        if (!double.IsFinite(x))
            return None;
        double size = Math.Abs(x);
        string format = size switch
        {
            >= 99.95 => "N0",
            >= 9.995 => "0.0",
            >= 0.9995 => "0.00",
            0 => "0",
            >= 0.09995 => "0.###",
            >= 0.009995 => "0.####",
            >= 0.0009995 => "0.#####",
            _ => "0.##e0",
        };
        return Sign(x.ToString(format, CultureInfo.InvariantCulture));
    }

    /// <summary>A plural that knows one: "1 item", "12 items".</summary>
    public static string Plural(long n, string one, string many) => $"{Count(n)} {(n == 1 ? one : many)}";

    private static string Sign(string number) => number.StartsWith('-') ? Minus + number[1..] : number;
}
