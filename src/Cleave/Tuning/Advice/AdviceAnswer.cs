namespace Cleave.Tuning.Advice;

/// <summary>A parameter set that an advisor proposed and that fits the space.</summary>
/// <param name="Reason">Its words, in one line.</param>
/// <param name="Repairs">What was put right, such as a number that came as a text.</param>
public sealed record Proposal(ParameterSet Parameters, string Reason, IReadOnlyList<string> Repairs);

/// <summary>What could be taken of a model's answer.</summary>
/// <param name="Proposals">In the model's order.</param>
/// <param name="Refused">Why others were not taken, one line each.</param>
/// <param name="Narrowings">Bounds inside of the space that the model would keep to.</param>
public sealed record AdviceAnswer(IReadOnlyList<Proposal> Proposals, IReadOnlyList<string> Refused, IReadOnlyList<ParameterConstraint> Narrowings);
