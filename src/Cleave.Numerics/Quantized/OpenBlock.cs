namespace Cleave.Numerics.Quantized;

/// <summary>
/// One block of an <see cref="IStoredFormat"/> in whole numbers: a weight is Scale · Scales[g] · (q − offset) − Minimum · Minimums[g],
/// g its group of 16.
/// </summary>
internal unsafe struct OpenBlock
{
    /// <summary>q, unsigned.</summary>
    public fixed byte Values[LargeBlocks.Size];
    public fixed sbyte Scales[LargeBlocks.Size / IStoredFormat.Group];
    public fixed byte Minimums[LargeBlocks.Size / IStoredFormat.Group];
    public Half Scale, Minimum;
}
