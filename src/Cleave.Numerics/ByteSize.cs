namespace Cleave;

/// <summary>Bytes for people.</summary>
public static class ByteSize
{
    public static string Text(long bytes) => bytes switch
    {
        < 1_000_000 => FormattableString.Invariant($"{bytes} bytes"),
        < 1_000_000_000 => FormattableString.Invariant($"{bytes / 1e6:0.0} MB"),
        _ => FormattableString.Invariant($"{bytes / 1e9:0.0} GB"),
    };
}
