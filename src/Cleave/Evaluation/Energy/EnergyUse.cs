using System.Globalization;

namespace Cleave.Evaluation.Energy;

/// <summary>What a piece of work took.</summary>
/// <param name="Joules">Of the processor packages where it was measured, of the cores that worked where it was estimated.</param>
/// <param name="Uncertainty">Joules that an estimate may be off by; 0 where it was measured.</param>
/// <param name="Measured">Whether all of it was read from the processor's own counters, which count the whole machine's work.</param>
/// <param name="CoreSeconds">Processor time of this process, over all threads.</param>
public readonly record struct EnergyUse(double Joules, double Uncertainty, bool Measured, double CoreSeconds)
{
    private static readonly (double From, double Unit, string Name)[] Units =
        [(999.5e6, 1e9, "GJ"), (999.5e3, 1e6, "MJ"), (999.5, 1e3, "kJ"), (0.9995, 1, "J"), (0.9995e-3, 1e-3, "mJ"), (0, 1e-6, "µJ")];

    /// <summary>measured or estimated.</summary>
    public string Method => Measured ? "measured" : "estimated";

    /// <summary>Of several pieces together. One power is assumed for all of them, so their uncertainties add up instead of evening out.</summary>
    public static EnergyUse Sum(IEnumerable<EnergyUse> pieces)
    {
        ArgumentNullException.ThrowIfNull(pieces);
        double joules = 0, uncertainty = 0, seconds = 0;
        bool measured = true;
        foreach (EnergyUse piece in pieces)
        {
            (joules, uncertainty, seconds) = (joules + piece.Joules, uncertainty + piece.Uncertainty, seconds + piece.CoreSeconds);
            measured &= piece.Measured;
        }
        return new EnergyUse(joules, uncertainty, measured, seconds);
    }

    /// <summary>What is left when a part of it is counted elsewhere; never below 0, which the counters' steps could make it.</summary>
    public EnergyUse Without(EnergyUse part) => new(Math.Max(0, Joules - part.Joules), Math.Abs(Uncertainty - part.Uncertainty),
        Measured && part.Measured, Math.Max(0, CoreSeconds - part.CoreSeconds));

    /// <summary>A share for each of <paramref name="items"/> alike ones.</summary>
    public EnergyUse Each(int items) => new(Joules / items, Uncertainty / items, Measured, CoreSeconds / items);

    /// <summary>Joules with three significant digits and a unit, such as <c>4.07 kJ</c>.</summary>
    public static string Show(double joules)
    {
        double size = Math.Abs(joules);
        (_, double unit, string name) = Units.First(u => size >= u.From);
        double scaled = joules / unit, digits = Math.Abs(scaled);
        return scaled.ToString(digits >= 99.95 ? "0" : digits >= 9.995 ? "0.#" : "0.##", CultureInfo.InvariantCulture) + " " + name;
    }

    /// <summary>The figure with how it was found: <c>4.07 kJ measured</c> or <c>4.07 kJ estimated ± 2.03 kJ</c>.</summary>
    public override string ToString() => $"{Show(Joules)} {Method}" + (Measured ? "" : $" ± {Show(Uncertainty)}");
}
