namespace Cleave.Serving;

/// <summary>A token of an answer with its natural logarithm of probability.</summary>
/// <param name="Text">What it stands for; where it is a part of a character, U+FFFD.</param>
/// <param name="Bytes">Its bytes of UTF-8.</param>
/// <param name="Alternatives">The likeliest tokens in its place, the likeliest first, without alternatives of their own.</param>
public sealed record TokenScore(string Text, byte[] Bytes, float LogProbability, IReadOnlyList<TokenScore> Alternatives);
