namespace Cleave.Cli.Shell;

/// <summary>Numbers as people read them.</summary>
internal static class Format
{
    private static readonly string[] Thousands = ["", "k", "M", "G", "T"];
    private static readonly string[] Binary = ["B", "KiB", "MiB", "GiB", "TiB"];

    /// <summary>Three significant digits and a suffix: 1 234 567 is <c>1.23M</c>; whole numbers below 10 000 stay whole.</summary>
    public static string Count(double value)
    {
        if (!double.IsFinite(value))
            return value.ToString();
        if (Math.Abs(value) < 10_000)
            return Math.Abs(value) >= 100 || value == Math.Floor(value) ? $"{value:0}" : $"{value:0.##}";
        return Scaled(value, 1000, Thousands);
    }

    /// <summary>Bytes in powers of 1024: <c>1.5 MiB</c>.</summary>
    public static string Bytes(long bytes) => bytes < 1024 ? $"{bytes} B" : Scaled(bytes, 1024, Binary, " ");

    /// <summary><c>12 s</c>, <c>3:05</c> (minutes), <c>2:03:05</c> (hours) or <c>4 d 02 h</c>.</summary>
    public static string Duration(TimeSpan time)
    {
        if (time.TotalSeconds < 60)
            return $"{Math.Round(time.TotalSeconds):0} s";
        if (time.TotalHours < 1)
            return $"{time.Minutes}:{time.Seconds:00}";
        return time.TotalDays < 1 ? $"{time.Hours}:{time.Minutes:00}:{time.Seconds:00}" : $"{(int)time.TotalDays} d {time.Hours:00} h";
    }

    private static string Scaled(double value, double step, string[] suffixes, string gap = "")
    {
        int power = 0;
        while (Math.Abs(value) >= step && power < suffixes.Length - 1)
        {
            value /= step;
            power++;
        }
        string digits = Math.Abs(value) >= 100 ? $"{value:0}" : Math.Abs(value) >= 10 ? $"{value:0.#}" : $"{value:0.##}";
        return digits + gap + suffixes[power];
    }
}
