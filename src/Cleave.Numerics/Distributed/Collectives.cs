using System.Text;

namespace Cleave.Numerics.Distributed;

/// <summary>What is said with the operations of <see cref="ICollective"/>.</summary>
public static class Collectives
{
    /// <summary>What <paramref name="value"/> is on rank 0.</summary>
    public static bool OfFirst(this ICollective ranks, bool value)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        Span<byte> one = [value ? (byte)1 : (byte)0];
        ranks.Broadcast(one, 0);
        return one[0] != 0;
    }

    /// <summary>What <paramref name="text"/> is on rank 0.</summary>
    public static string OfFirst(this ICollective ranks, string text)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        if (ranks.Size == 1)
            return text;
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BitConverter.TryWriteBytes(length, bytes.Length);
        ranks.Broadcast(length, 0);
        Array.Resize(ref bytes, BitConverter.ToInt32(length));
        ranks.Broadcast(bytes, 0);
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>The sum of everybody's value.</summary>
    public static double Sum(this ICollective ranks, double value)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        Span<double> one = [value];
        ranks.AllReduceSum(one);
        return one[0];
    }
}
