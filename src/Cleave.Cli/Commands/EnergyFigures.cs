using System.Text.Json;
using Cleave.Evaluation.Energy;

namespace Cleave.Cli.Commands;

/// <summary>Energy as the verbs report it.</summary>
internal static class EnergyFigures
{
    /// <summary><c>joules</c>, what they may be off by, how they were found, and with prices what they cost.</summary>
    public static void Write(Utf8JsonWriter w, EnergyUse use, PriceTable? prices = null)
    {
        w.WriteNumber("joules", use.Joules);
        w.WriteNumber("joules_uncertainty", use.Uncertainty);
        w.WriteString("energy", use.Method);
        w.WriteNumber("core_seconds", use.CoreSeconds);
        if (prices is null)
            return;
        w.WriteNumber("cost", prices.Of(use));
        w.WriteString("currency", prices.Currency);
    }

    /// <summary>For people: <c>4.07 kJ estimated ± 2.03 kJ, 0.0012 EUR ± 0.0002</c>.</summary>
    public static string Show(EnergyUse use, PriceTable? prices = null) => prices is null ? use.ToString() : $"{use}, {prices.Show(use)}";
}
