namespace Cleave.Tokenizers;

/// <summary>A token that is found in the text before it is cut into words.</summary>
/// <param name="SingleWord">Only where no letter, digit or underscore touches it.</param>
/// <param name="LeftStrip">White space before it belongs to it.</param>
/// <param name="RightStrip">White space after it belongs to it.</param>
/// <param name="Normalized">Looked for after those that are not, in what they left.</param>
/// <param name="Special">A control token: found only where the caller asks for it.</param>
public sealed record AddedToken(
    int Id, string Content, bool Special, bool Normalized = false, bool SingleWord = false, bool LeftStrip = false, bool RightStrip = false);
