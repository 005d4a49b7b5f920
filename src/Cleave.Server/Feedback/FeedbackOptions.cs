using Cleave.Serving.Feedback;

namespace Cleave.Server.Feedback;

/// <summary>What becomes of people's judgements of answers.</summary>
/// <param name="File">Gets a line of JSON for each; one server writes it.</param>
/// <param name="Control">Moves thresholds by them, and is what the host was given too; null: they are only written down.</param>
/// <param name="KeepsCorrections">Whether corrections, which are texts of people, are written down as well.</param>
public sealed record FeedbackOptions(string File, EscalationControl? Control, bool KeepsCorrections);
