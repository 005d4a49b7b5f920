namespace Cleave.Numerics.Kernels;

/// <summary>Keys and values in eight bits: each head of each position has the scale of its largest element.</summary>
public sealed unsafe partial class KeyValuePages
{
    private void PutInt8(byte* page, int layer, int position, ReadOnlySpan<float> keys, ReadOnlySpan<float> values)
    {
        int heads = _heads[layer];
        for (int h = 0; h < heads; h++)
        {
            var key = (sbyte*)KeyBlock(page, layer, h) + position;
            Scales(page, layer, h)[position] = Quantize(keys.Slice(h * HeadSize, HeadSize), key, PagePositions);
            var value = (sbyte*)ValueBlock(page, layer, h) + (nint)position * PaddedHead;
            Scales(page, layer, heads + h)[position] = Quantize(values.Slice(h * HeadSize, HeadSize), value, 1);
        }
    }

    private static float Quantize(ReadOnlySpan<float> x, sbyte* to, nint stride)
    {
        float largest = 0;
        foreach (float value in x)
            largest = MathF.Max(largest, MathF.Abs(value));
        float scale = largest / 127, inverse = largest > 0 ? 127 / largest : 0;
        for (int d = 0; d < x.Length; d++)
            to[d * stride] = (sbyte)MathF.Round(x[d] * inverse);
        return scale;
    }

    private void CopyInt8(byte* page, int layer, int head, int count, int width, float* keys, float* values)
    {
        float* keyScales = Scales(page, layer, head), valueScales = Scales(page, layer, _heads[layer] + head);
        sbyte* key = (sbyte*)KeyBlock(page, layer, head), value = (sbyte*)ValueBlock(page, layer, head);
        for (int p = 0; p < count; p++)
        {
            for (int d = 0; d < HeadSize; d++)
            {
                keys[(nint)p * width + d] = key[d * PagePositions + p] * keyScales[p];
                values[(nint)p * width + d] = value[p * PaddedHead + d] * valueScales[p];
            }
        }
    }
}
