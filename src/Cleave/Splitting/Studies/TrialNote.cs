using System.Globalization;
using Cleave.Tuning;

namespace Cleave.Splitting.Studies;

/// <summary>What a task's trial that is complete keeps beside its values.</summary>
/// <param name="Headroom">As <see cref="Certificates.CertificateForecast.Headroom"/>.</param>
/// <param name="Curve">The epochs of its training.</param>
internal sealed record TrialNote(double Headroom, IReadOnlyList<CandidatePoint> Curve)
{
    public static TrialNote Of(Trial trial)
    {
        string[] parts = (trial.Note ?? throw new InvalidOperationException("a complete trial has a note")).Split(' ');
        return new TrialNote(Number(parts[0]), [.. parts.Skip(1).Select(p => p.Split(':')).Select(p => new CandidatePoint(int.Parse(p[0], CultureInfo.InvariantCulture), Number(p[1]), Number(p[2])))]);
    }

    public override string ToString() => string.Join(' ',
        [Headroom.ToString("R", CultureInfo.InvariantCulture), .. Curve.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Epoch}:{c.Loss:R}:{c.Quality:R}"))]);

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
