namespace Cleave.Numerics.Kernels;

/// <summary>
/// Which keys a query sees, and what becomes of q·k before the softmax. The default is every key (every earlier one where
/// attention is causal) and q·k / √D.
/// </summary>
/// <param name="Scale">What q·k is multiplied with, positive; 0 for 1/√D.</param>
/// <param name="SoftCap">c in c · tanh(score / c), which keeps scores within ±c (Gemma Team, 2024); 0 for none.</param>
/// <param name="Window">A query sees the keys fewer than this many positions away (Beltagy et al., 2020); 0 for all.</param>
public readonly record struct ScoreRule(float Scale = 0, float SoftCap = 0, int Window = 0)
{
    /// <summary>Whether scores are capped or keys left out, for which there are kernels of their own.</summary>
    internal bool IsSpecial => SoftCap > 0 || Window > 0;

    internal float ScaleFor(int headSize) => Scale > 0 ? Scale : 1 / MathF.Sqrt(headSize);

    internal void Check()
    {
        if (!(Scale >= 0) || !(SoftCap >= 0) || Window < 0)
            throw new ArgumentException($"scores: scale {Scale}, cap {SoftCap} and window {Window} must not be negative");
    }
}

/// <summary>Chooses at compile time whether a kernel looks at a rule's cap and window.</summary>
internal interface IScores
{
    static abstract bool Special { get; }
}

internal readonly struct PlainScores : IScores
{
    public static bool Special => false;
}

internal readonly struct SpecialScores : IScores
{
    public static bool Special => true;
}
