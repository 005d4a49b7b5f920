namespace Cleave.Tokenizers.Algorithms;

/// <summary>The merges of a byte-pair encoding: (left id, right id) → rank and id of the result. Open addressing.</summary>
internal sealed class MergeTable
{
    /// <summary>The rank of a pair that does not merge.</summary>
    public const int None = int.MaxValue;

    private readonly Slot[] _slots;
    private readonly int _shift;

    public MergeTable(int count)
    {
        int bits = Math.Max(4, 64 - System.Numerics.BitOperations.LeadingZeroCount((ulong)count * 2));
        _slots = new Slot[1 << bits];
        Array.Fill(_slots, new Slot(ulong.MaxValue, None, -1));
        _shift = 64 - bits;
    }

    /// <returns>False where the pair is there already.</returns>
    public bool Add(int left, int right, int rank, int result)
    {
        ulong key = Key(left, right);
        int at = Home(key);
        for (; _slots[at].Key != ulong.MaxValue; at = (at + 1) & (_slots.Length - 1))
        {
            if (_slots[at].Key == key)
                return false;
        }
        _slots[at] = new Slot(key, rank, result);
        return true;
    }

    /// <returns>The rank, the lower the earlier; <see cref="None"/> where the pair does not merge.</returns>
    public int Find(int left, int right, out int result)
    {
        ulong key = Key(left, right);
        Slot[] slots = _slots;
        for (int at = Home(key); ; at = (at + 1) & (slots.Length - 1))
        {
            ref readonly Slot slot = ref slots[at];
            if (slot.Key == key || slot.Key == ulong.MaxValue)
            {
                result = slot.Result;
                return slot.Rank;
            }
        }
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private int Home(ulong key) => (int)((key * 0x9E3779B97F4A7C15) >> _shift);

    private readonly record struct Slot(ulong Key, int Rank, int Result);
}
