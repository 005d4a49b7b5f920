namespace Cleave.Numerics;

/// <summary>
/// How far a long job is. Library code takes an <c>IProgress&lt;ProgressReport&gt;?</c> and reports as often as
/// it likes; whoever shows it decides how often to draw, and measures the time.
/// </summary>
/// <param name="Stage">What is being done, in a few words, such as <c>train intent</c>; a new stage starts a new line.</param>
/// <param name="Done">Work done in this stage, in <paramref name="Unit"/>.</param>
/// <param name="Total">All work of this stage, or 0 where it is not known.</param>
/// <param name="Unit">What is counted, in the plural, such as <c>tokens</c>, <c>steps</c> or <c>bytes</c>.</param>
/// <param name="Note">A figure to watch, such as <c>loss 2.31</c>, or null.</param>
public sealed record ProgressReport(string Stage, double Done, double Total, string Unit, string? Note = null);
