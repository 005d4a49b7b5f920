using System.Globalization;

namespace Cleave.Evaluation.Energy;

/// <summary>The power that an estimate of energy is made with, where the processor's counters cannot be read.</summary>
/// <param name="WattsPerCore">Of one core that works, with its share of what the cores have in common.</param>
/// <param name="Uncertainty">Watts that it may be off by.</param>
public sealed record EnergyOptions(double WattsPerCore, double Uncertainty)
{
    /// <summary>The environment variable that says the machine's own power: <c>8</c> or <c>8±2</c> (also <c>8+-2</c>).</summary>
    public const string Variable = "CLEAVE_WATTS";

    /// <summary>The most that either of its numbers can be.</summary>
    public const double MostWatts = 1000;

    // Of the default's value, and so of a value whose uncertainty nobody stated.
    private const double UsualShare = 0.5;

    /// <summary>
    /// 12 ± 6 W: what the Green Algorithms calculator (Lannelongue, Grealey and Inouye, 2021) takes for a core of an unknown processor;
    /// of the 78 processors in its table, 85% have between 6 and 18 W of thermal design power a core.
    /// </summary>
    public static EnergyOptions Default { get; } = Of(12);

    /// <summary>A power whose uncertainty is not known: half of it.</summary>
    public static EnergyOptions Of(double wattsPerCore) => new(wattsPerCore, UsualShare * wattsPerCore);

    /// <summary>What <see cref="Variable"/> says; what is given where it says nothing. The machine knows better than the project file.</summary>
    /// <exception cref="CleaveException">It is no power.</exception>
    public static EnergyOptions FromEnvironment(EnergyOptions? otherwise = null) =>
        Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text ? Parse(text) : otherwise ?? Default;

    /// <exception cref="CleaveException">It is no power.</exception>
    public static EnergyOptions Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Replace("+-", "±", StringComparison.Ordinal).Split('±', StringSplitOptions.TrimEntries);
        double watts = Number(parts[0]), off = parts.Length == 2 ? Number(parts[1]) : UsualShare * watts;
        return parts.Length <= 2 && watts > 0 && watts <= MostWatts && off >= 0 && off <= MostWatts ? new EnergyOptions(watts, off)
            : throw new CleaveException($"{Variable}={text}: expected the watts of one working core, such as 8, or with their uncertainty 8±2");
    }

    private static double Number(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : double.NaN;
}
