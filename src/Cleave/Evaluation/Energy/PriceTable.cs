using System.Globalization;

namespace Cleave.Evaluation.Energy;

/// <summary>What work costs: energy and processor time, both where both are stated. Leave out the energy where the price of an hour includes it.</summary>
/// <param name="KilowattHour">In the currency; 0 for none.</param>
/// <param name="CoreHour">An hour of one core at work; 0 for none.</param>
/// <param name="Currency">Such as EUR.</param>
public sealed record PriceTable(double KilowattHour, double CoreHour, string Currency)
{
    private const double JoulesPerKilowattHour = 3.6e6, SecondsPerHour = 3600;

    public double Of(EnergyUse use) => use.Joules / JoulesPerKilowattHour * KilowattHour + use.CoreSeconds / SecondsPerHour * CoreHour;

    /// <summary>What the estimate of the energy may make it off by.</summary>
    public double Uncertainty(EnergyUse use) => use.Uncertainty / JoulesPerKilowattHour * KilowattHour;

    /// <summary>Such as <c>0.0123 EUR</c>, or <c>0.0123 EUR ± 0.002</c> where the energy was estimated.</summary>
    public string Show(EnergyUse use)
    {
        double off = Uncertainty(use);
        return $"{Digits(Of(use))} {Currency}" + (off > 0 ? $" ± {Digits(off)}" : "");
    }

    private static string Digits(double amount) => amount >= 100 ? amount.ToString("0", CultureInfo.InvariantCulture) : amount.ToString("G3", CultureInfo.InvariantCulture);
}
