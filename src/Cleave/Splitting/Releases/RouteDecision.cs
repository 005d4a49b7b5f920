namespace Cleave.Splitting.Releases;

/// <summary>What a router makes of a text.</summary>
/// <param name="Tasks">Every task with its calibrated confidence, the likeliest first.</param>
/// <param name="Threshold">Below this confidence the router abstains; 0 where it never does.</param>
public sealed record RouteDecision(IReadOnlyList<(string Name, double Confidence)> Tasks, double Threshold)
{
    /// <summary>The likeliest task.</summary>
    public string Task => Tasks[0].Name;

    public double Confidence => Tasks[0].Confidence;

    /// <summary>Whether the router leaves the request to the monolith, as the likeliest task's.</summary>
    public bool Abstains => Confidence < Threshold;
}
