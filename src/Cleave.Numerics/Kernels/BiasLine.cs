namespace Cleave.Numerics.Kernels;

/// <summary>
/// One head's bias by distance, laid out so that a row of scores finds its own side by side: the bias of a key at p for a query
/// at i stands at p − i from the line's middle, however far beyond the table's reach that is. It takes one number a position
/// where a matrix of biases would take one a pair.
/// </summary>
internal static unsafe class BiasLine
{
    private const int Slack = 64; // vectors read and write beyond the last key

    /// <summary>Floats of a line.</summary>
    public static long Length(int queries, int keys) => (long)queries + keys + Slack;

    /// <summary>Fills a line for queries from a position on against keys from position 0; returns its middle.</summary>
    /// <param name="bias">(H, 2R + 1)</param>
    public static float* Fill(float* bias, int reach, int head, int queries, int keys, int first, float* line)
    {
        float* middle = Middle(queries, first, line), centre = bias + head * (2L * reach + 1) + reach;
        int from = 1 - first - queries, end = (int)(from + Length(queries, keys));
        int within = Math.Clamp(-reach, from, end), beyond = Math.Clamp(reach + 1, within, end);
        new Span<float>(middle + from, within - from).Fill(centre[-reach]);
        new ReadOnlySpan<float>(centre + within, beyond - within).CopyTo(new Span<float>(middle + within, beyond - within));
        new Span<float>(middle + beyond, end - beyond).Fill(centre[reach]);
        return middle;
    }

    /// <summary>The middle of a line for such queries.</summary>
    public static float* Middle(int queries, int first, float* line) => line + first + queries - 1;

    /// <summary>Adds a line to one head's row of a table: the other way of <see cref="Fill"/>.</summary>
    public static void Fold(float* line, int queries, int keys, float* bias, int reach, int head)
    {
        float* middle = Middle(queries, 0, line), centre = bias + head * (2L * reach + 1) + reach;
        for (int d = 1 - queries; d < keys; d++)
            centre[Math.Clamp(d, -reach, reach)] += middle[d];
    }
}
