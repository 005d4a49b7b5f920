using System.Globalization;

namespace Cleave.Tuning;

/// <summary>One dimension of a search space.</summary>
public abstract class Parameter
{
    private protected Parameter(string name, IReadOnlyList<Condition>? when)
    {
        if (string.IsNullOrWhiteSpace(name))
            throw new ArgumentException("a parameter needs a name", nameof(name));
        Name = name;
        When = when ?? [];
    }

    public string Name { get; }

    /// <summary>All of these must hold for the parameter to take part; empty for one that always does.</summary>
    public IReadOnlyList<Condition> When { get; }

    /// <summary>How many values there are, or null for a continuum.</summary>
    public abstract long? Count { get; }

    public abstract bool Contains(ParameterValue value);

    /// <summary>
    /// The values of a grid: all where there are at most <paramref name="points"/> or the parameter is categorical, else
    /// evenly spread ones with both ends.
    /// </summary>
    public abstract IReadOnlyList<ParameterValue> Grid(int points);

    /// <summary>The same parameter under other conditions.</summary>
    public abstract Parameter With(IReadOnlyList<Condition> when);

    /// <summary>What the parameter may be, for people.</summary>
    public abstract string Describe();
}

/// <summary>Holds where the parent takes part and has one of the values.</summary>
public sealed record Condition(string Parent, IReadOnlyList<ParameterValue> Values)
{
    public Condition(string parent, ParameterValue value) : this(parent, [value]) { }
}

/// <summary>One of a list of unordered choices.</summary>
public sealed class CategoricalParameter : Parameter
{
    /// <exception cref="ArgumentException">There is no choice, or one twice.</exception>
    public CategoricalParameter(string name, IReadOnlyList<ParameterValue> choices, IReadOnlyList<Condition>? when = null) : base(name, when)
    {
        ArgumentNullException.ThrowIfNull(choices);
        if (choices.Count == 0 || choices.Distinct().Count() != choices.Count)
            throw new ArgumentException($"'{name}' needs one or more choices, each once", nameof(choices));
        Choices = [.. choices];
    }

    public IReadOnlyList<ParameterValue> Choices { get; }

    public override long? Count => Choices.Count;

    public override bool Contains(ParameterValue value) => IndexOf(value) >= 0;

    /// <summary>The choice's place in the list, or -1.</summary>
    public int IndexOf(ParameterValue value)
    {
        for (int i = 0; i < Choices.Count; i++)
        {
            if (Choices[i] == value)
                return i;
        }
        return -1;
    }

    public override IReadOnlyList<ParameterValue> Grid(int points) => Choices;

    public override Parameter With(IReadOnlyList<Condition> when) => new CategoricalParameter(Name, Choices, when);

    public override string Describe() => string.Join(", ", Choices);
}

/// <summary>A number between two ends, both included, on a linear or logarithmic scale, free or in steps from the low end.</summary>
/// <remarks>
/// Samplers see every number as a unit coordinate: the scale's range is mapped to [0, 1], widened by half a step
/// at both ends so that each step has an equally wide bin.
/// </remarks>
public abstract class NumericParameter : Parameter
{
    private readonly double _from, _range;

    private protected NumericParameter(string name, double low, double high, bool log, double? step, IReadOnlyList<Condition>? when) : base(name, when)
    {
        if (!double.IsFinite(low) || !double.IsFinite(high) || low > high)
            throw new ArgumentException($"'{name}' needs finite ends with low at most high, not {low} and {high}", nameof(low));
        if (step is { } s && !(s > 0 && double.IsFinite(s)))
            throw new ArgumentException($"'{name}' needs a step above 0, not {s}", nameof(step));
        if (log && low - (step ?? 0) / 2 <= 0)
            throw new ArgumentException($"'{name}' is logarithmic: its low end must be above {(step ?? 0) / 2}, not {low}", nameof(low));
        Low = low;
        Log = log;
        Step = step;
        // The highest step that fits, so that the ends are values too; a billionth forgives 0.3 / 0.1 < 3.
        High = step is { } by ? low + by * Math.Floor((high - low) / by * (1 + 1e-9)) : high;
        double half = (step ?? 0) / 2;
        _from = ToScale(low - half);
        _range = ToScale(High + half) - _from;
    }

    public double Low { get; }

    /// <summary>The highest value: the given end, or the last step that is not above it.</summary>
    public double High { get; }

    public bool Log { get; }

    /// <summary>The distance between neighbours, or null for a continuum.</summary>
    public double? Step { get; }

    public override long? Count => Step is { } step ? checked((long)Math.Round((High - Low) / step) + 1) : Low == High ? 1 : null;

    public override bool Contains(ParameterValue value) =>
        value.IsNumber && value.AsDouble() == Snap(value.AsDouble());

    /// <summary>The value at a unit coordinate; what is outside of [0, 1] goes to the nearer end.</summary>
    public double FromUnit(double unit)
    {
        double scaled = _from + _range * Math.Clamp(unit, 0, 1);
        return Snap(Log ? Math.Exp(scaled) : scaled);
    }

    /// <summary>The unit coordinate of a value.</summary>
    public double ToUnit(double value) => _range == 0 ? 0.5 : (ToScale(value) - _from) / _range;

    public override IReadOnlyList<ParameterValue> Grid(int points)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(points, 1);
        if (Count is { } count && count <= points)
            return [.. Enumerable.Range(0, (int)count).Select(i => (ParameterValue)Snap(Low + i * (Step ?? 0)))];
        double first = ToScale(Low), last = ToScale(High);
        return [.. Enumerable.Range(0, points).Select(i =>
        {
            double at = points == 1 ? (first + last) / 2 : first + (last - first) * i / (points - 1);
            return (ParameterValue)Snap(Log ? Math.Exp(at) : at);
        }).Distinct()];
    }

    public override string Describe() => Low == High ? Show(Low)
        : $"{Show(Low)} to {Show(High)}" + (Step is { } step && (this is not IntParameter || step != 1) ? $" in steps of {Show(step)}" : "") + (Log ? ", logarithmic" : "");

    private static string Show(double value) => value.ToString(value == Math.Floor(value) ? "0" : "G6", CultureInfo.InvariantCulture);

    private double ToScale(double value) => Log ? Math.Log(value) : value;

    /// <summary>The parameter's value that is nearest to a number, by steps.</summary>
    public double Nearest(double value) => Snap(value);

    private double Snap(double value)
    {
        if (Step is { } step)
            value = Low + step * Math.Round((value - Low) / step);
        return Math.Clamp(value, Low, High);
    }
}

/// <summary>A real number.</summary>
public sealed class FloatParameter(string name, double low, double high, bool log = false, double? step = null, IReadOnlyList<Condition>? when = null)
    : NumericParameter(name, low, high, log, step, when)
{
    public override Parameter With(IReadOnlyList<Condition> when) => new FloatParameter(Name, Low, High, Log, Step, when);
}

/// <summary>An integer, of at most 53 bits.</summary>
public sealed class IntParameter(string name, long low, long high, bool log = false, long step = 1, IReadOnlyList<Condition>? when = null)
    : NumericParameter(name, Checked(name, low), Checked(name, high), log, step, when)
{
    public override Parameter With(IReadOnlyList<Condition> when) => new IntParameter(Name, (long)Low, (long)High, Log, (long)Step!.Value, when);

    private static long Checked(string name, long value) => Math.Abs(value) <= 1L << 53 ? value
        : throw new ArgumentException($"'{name}': {value} has more than 53 bits", nameof(value));
}
