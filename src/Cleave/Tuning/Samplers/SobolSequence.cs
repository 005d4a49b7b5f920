using System.Numerics;

namespace Cleave.Tuning.Samplers;

/// <summary>
/// Sobol's sequence (1967) with the direction numbers of Joe and Kuo ("Constructing Sobol Sequences with Better
/// Two-Dimensional Projections", 2008), of which it holds the first 64 dimensions, and Owen's nested uniform
/// scrambling by hashing (Burley, "Practical Hash-based Owen Scrambling", 2020). Each point is computed from its index alone.
/// </summary>
internal static class SobolSequence
{
    public const int MaxDimensions = 64;

    /// <summary>For each dimension from the second: the primitive polynomial with its bits, then the initial odd numbers m.</summary>
    private static readonly int[][] Initial = [
        [3, 1], [7, 1, 3], [11, 1, 3, 1], [13, 1, 1, 1], [19, 1, 1, 3, 3], [25, 1, 3, 5, 13], [37, 1, 1, 5, 5, 17], [41, 1, 1, 5, 5, 5],
        [47, 1, 1, 7, 11, 19], [55, 1, 1, 5, 1, 1], [59, 1, 1, 1, 3, 11], [61, 1, 3, 5, 5, 31], [67, 1, 3, 3, 9, 7, 49],
        [91, 1, 1, 1, 15, 21, 21], [97, 1, 3, 1, 13, 27, 49], [103, 1, 1, 1, 15, 7, 5], [109, 1, 3, 1, 15, 13, 25],
        [115, 1, 1, 5, 5, 19, 61], [131, 1, 3, 7, 11, 23, 15, 103], [137, 1, 3, 7, 13, 13, 15, 69], [143, 1, 1, 3, 13, 7, 35, 63],
        [145, 1, 3, 5, 9, 1, 25, 53], [157, 1, 3, 1, 13, 9, 35, 107], [167, 1, 3, 1, 5, 27, 61, 31], [171, 1, 1, 5, 11, 19, 41, 61],
        [185, 1, 3, 5, 3, 3, 13, 69], [191, 1, 1, 7, 13, 1, 19, 1], [193, 1, 3, 7, 5, 13, 19, 59], [203, 1, 1, 3, 9, 25, 29, 41],
        [211, 1, 3, 5, 13, 23, 1, 55], [213, 1, 3, 7, 3, 13, 59, 17], [229, 1, 3, 1, 3, 5, 53, 69], [239, 1, 1, 5, 5, 23, 33, 13],
        [241, 1, 1, 7, 7, 1, 61, 123], [247, 1, 1, 7, 9, 13, 61, 49], [253, 1, 3, 3, 5, 3, 55, 33], [285, 1, 3, 1, 15, 31, 13, 49, 245],
        [299, 1, 3, 5, 15, 31, 59, 63, 97], [301, 1, 3, 1, 11, 11, 11, 77, 249], [333, 1, 3, 1, 11, 27, 43, 71, 9],
        [351, 1, 1, 7, 15, 21, 11, 81, 45], [355, 1, 3, 7, 3, 25, 31, 65, 79], [357, 1, 3, 1, 1, 19, 11, 3, 205],
        [361, 1, 1, 5, 9, 19, 21, 29, 157], [369, 1, 3, 7, 11, 1, 33, 89, 185], [391, 1, 3, 3, 3, 15, 9, 79, 71],
        [397, 1, 3, 7, 11, 15, 39, 119, 27], [425, 1, 1, 3, 1, 11, 31, 97, 225], [451, 1, 1, 1, 3, 23, 43, 57, 177],
        [463, 1, 3, 7, 7, 17, 17, 37, 71], [487, 1, 3, 1, 5, 27, 63, 123, 213], [501, 1, 1, 3, 5, 11, 43, 53, 133],
        [529, 1, 3, 5, 5, 29, 17, 47, 173, 479], [539, 1, 3, 3, 11, 3, 1, 109, 9, 69], [545, 1, 1, 1, 5, 17, 39, 23, 5, 343],
        [557, 1, 3, 1, 5, 25, 15, 31, 103, 499], [563, 1, 1, 1, 11, 11, 17, 63, 105, 183], [601, 1, 1, 5, 11, 9, 29, 97, 231, 363],
        [607, 1, 1, 5, 15, 19, 45, 41, 7, 383], [617, 1, 3, 7, 7, 31, 19, 83, 137, 221], [623, 1, 1, 1, 3, 23, 15, 111, 223, 83],
        [631, 1, 1, 5, 13, 31, 15, 55, 25, 161], [637, 1, 1, 3, 13, 25, 47, 39, 87, 257],
    ];

    private static readonly uint[][] Directions = [.. Enumerable.Range(0, MaxDimensions).Select(Direction)];

    /// <summary>A coordinate in [0, 1) with 32 bits.</summary>
    /// <param name="seed">Null for the plain sequence.</param>
    public static double At(uint index, int dimension, uint? seed)
    {
        uint bits = 0;
        uint[] directions = Directions[dimension];
        for (int bit = 0; index != 0; bit++, index >>= 1)
            bits ^= (index & 1) != 0 ? directions[bit] : 0;
        if (seed is { } s)
            bits = Reverse(Permute(Reverse(bits), Mix(s, (uint)dimension)));
        return bits * (1.0 / 4294967296.0);
    }

    private static uint[] Direction(int dimension)
    {
        uint[] v = new uint[32];
        int[] row = dimension == 0 ? [1] : Initial[dimension - 1];
        uint polynomial = (uint)row[0];
        int degree = BitOperations.Log2(polynomial);
        for (int i = 0; i < 32; i++)
        {
            if (dimension == 0)
                v[i] = 1u << (31 - i);
            else if (i < degree)
                v[i] = (uint)row[i + 1] << (31 - i);
            else
            {
                v[i] = v[i - degree] ^ (v[i - degree] >> degree);
                for (int k = 1; k < degree; k++)
                    v[i] ^= ((polynomial >> (degree - k)) & 1) != 0 ? v[i - k] : 0;
            }
        }
        return v;
    }

    // Every bit of the result depends on lower bits only, so on reversed bits it is a nested scrambling.
    private static uint Permute(uint x, uint seed)
    {
        x ^= x * 0x3d20adea;
        x += seed;
        x *= (seed >> 16) | 1;
        x ^= x * 0x05526c56;
        return x ^ (x * 0x53a22864);
    }

    private static uint Mix(uint seed, uint dimension)
    {
        uint h = seed + dimension * 0x9e3779b9;
        h = (h ^ (h >> 16)) * 0x85ebca6b;
        h = (h ^ (h >> 13)) * 0xc2b2ae35;
        return h ^ (h >> 16);
    }

    private static uint Reverse(uint x)
    {
        x = ((x >> 1) & 0x55555555) | ((x & 0x55555555) << 1);
        x = ((x >> 2) & 0x33333333) | ((x & 0x33333333) << 2);
        x = ((x >> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4);
        return BitOperations.RotateRight(x & 0x00ff00ff, 8) | (BitOperations.RotateLeft(x, 8) & 0x00ff00ff);
    }
}
