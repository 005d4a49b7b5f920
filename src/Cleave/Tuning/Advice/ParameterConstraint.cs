namespace Cleave.Tuning.Advice;

/// <summary>What somebody said of one parameter: bounds, or the values that are meant or not meant.</summary>
/// <param name="Said">The words.</param>
public sealed record ParameterConstraint(string Name, string Said)
{
    public double? Low { get; init; }

    public double? High { get; init; }

    /// <summary>Whether the low bound itself is left out, which matters where values have steps.</summary>
    public bool LowOpen { get; init; }

    public bool HighOpen { get; init; }

    /// <summary>The only values that are meant, or null.</summary>
    public IReadOnlyList<ParameterValue>? Only { get; init; }

    /// <summary>Values that are not meant.</summary>
    public IReadOnlyList<ParameterValue> Except { get; init; } = [];

    /// <summary>The constraint in signs, such as <c>0.000005 &lt;= lr &lt;= 0.0001</c>.</summary>
    public override string ToString()
    {
        string[] parts = [
            Low is { } low && High is { } high ? $"{Show(low)} {Sign(LowOpen)} {Name} {Sign(HighOpen)} {Show(high)}"
                : Low is { } least ? $"{Name} {(LowOpen ? ">" : ">=")} {Show(least)}"
                : High is { } most ? $"{Name} {Sign(HighOpen)} {Show(most)}" : "",
            Only is [var one] ? $"{Name} = {one}" : Only is not null ? $"{Name} in {{{string.Join(", ", Only)}}}" : "",
            Except.Count > 0 ? $"{Name} not in {{{string.Join(", ", Except)}}}" : ""];
        return string.Join(", ", parts.Where(p => p.Length > 0));
    }

    private static string Sign(bool open) => open ? "<" : "<=";

    private static string Show(double value) => ParameterValue.FromNumber(value).ToString();
}

/// <summary>A request in plain words as far as it could be read without a model.</summary>
/// <param name="Constraints">In the order of the words; they hold for every trial.</param>
/// <param name="Unread">Pieces with a number or a parameter's name that say no bound: wishes, for the advisor to weigh.</param>
public sealed record UnderstoodRequest(string Text, IReadOnlyList<ParameterConstraint> Constraints, IReadOnlyList<string> Unread)
{
    /// <summary>A request that asks for nothing in particular.</summary>
    public static UnderstoodRequest None { get; } = new("", [], []);
}
