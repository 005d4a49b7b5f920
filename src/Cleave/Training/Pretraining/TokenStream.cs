using Cleave.Numerics;

namespace Cleave.Training.Pretraining;

/// <summary>
/// All tokens of a corpus end to end, cut into windows. Each epoch starts the cuts at another place and visits them in
/// another order; which window a step gets is a function of the seed and the step alone.
/// </summary>
public sealed class TokenStream
{
    private readonly int[] _tokens;
    private readonly int _window;
    private readonly ulong _seed;
    private readonly bool _moving;
    private int[] _order = [];
    private int _epoch = -1;
    private int _offset;

    /// <param name="window">Tokens predicted from a window; one more is read.</param>
    /// <param name="moving">False: the cuts stay where they are in every epoch, for what is known of each window beforehand.</param>
    public TokenStream(int[] tokens, int window, ulong seed, bool moving = true)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        if (tokens.Length < 2 * (window + 1))
            throw new CleaveException($"{tokens.Length} tokens of text are too few for a context of {window}; add text or shorten the context");
        (_tokens, _window, _seed, _moving) = (tokens, window, seed, moving);
        WindowsPerEpoch = (tokens.Length - 1 - (moving ? window : 0)) / window;
    }

    public int WindowsPerEpoch { get; }

    /// <summary>The window's tokens and the one after: window + 1 ids.</summary>
    public ReadOnlySpan<int> Window(long index) => _tokens.AsSpan(Start(index), _window + 1);

    /// <summary>Where in the text the window begins.</summary>
    public int Start(long index)
    {
        int epoch = (int)(index / WindowsPerEpoch);
        if (epoch != _epoch)
            StartEpoch(epoch);
        return _offset + _order[(int)(index % WindowsPerEpoch)] * _window;
    }

    private void StartEpoch(int epoch)
    {
        Rng rng = Rng.For(_seed, $"epoch {epoch}");
        _offset = _moving ? rng.NextInt(_window) : 0;
        _order = [.. Enumerable.Range(0, WindowsPerEpoch)];
        rng.Shuffle(_order.AsSpan());
        _epoch = epoch;
    }
}
