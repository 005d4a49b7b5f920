using Cleave.Data;
using Cleave.Evaluation;

namespace Cleave.Splitting.Certificates;

/// <summary>What some items tell of a certificate on others.</summary>
public static class CertificateForecast
{
    private const double Z = 1.645; // one-sided 95%

    /// <summary>
    /// How much worse a module could be, in the metric's units, and still pass its certificate with 95% probability by what these items show; below 0 it is not so sure.
    /// Their difference is itself uncertain, and so will be that on the test items, the less the more of these there are.
    /// </summary>
    /// <param name="reference">The monolith's predictions.</param>
    /// <param name="module">The module's.</param>
    /// <param name="testItems">How many items the certificate will be on.</param>
    public static double Headroom(Metric metric, IReadOnlyList<Example> items, IReadOnlyList<Prediction> reference, IReadOnlyList<Prediction> module, double margin, int testItems, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(testItems);
        NonInferiorityResult test = NonInferiority.Test(metric, items, reference, module, margin, seed: seed);
        double deviation = (test.Difference - test.LowerBound) / Z;
        double onTest = deviation * Math.Sqrt((double)items.Count / testItems);
        return test.Difference + test.Margin - Z * (onTest + Math.Sqrt(deviation * deviation + onTest * onTest));
    }
}
