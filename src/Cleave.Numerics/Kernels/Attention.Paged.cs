using Cleave.Numerics.Simd;
using Cleave.Numerics.Threading;

namespace Cleave.Numerics.Kernels;

/// <summary>
/// Decoding: each sequence's newest position looks back over its pages. A part is one key-value head of one sequence over a
/// few pages, so that one long sequence occupies every core as well as many short ones do; the parts of a head are joined
/// by their maxima and sums (Dao et al., 2023, "Flash-Decoding").
/// </summary>
public static unsafe partial class Attention
{
    private const int PartPositions = 4 * KeyValuePages.PagePositions;
    private const long DecodeThreadedFrom = 16384; // elements of keys

    /// <summary>The newest position of every sequence; its keys and values are in the pages but not counted yet.</summary>
    /// <param name="q">(B, H·D), one row a sequence</param>
    /// <param name="y">(B, H·D)</param>
    /// <exception cref="ArgumentException">The sequences differ in shape, or one was given no newest position.</exception>
    public static void Decode(ReadOnlySpan<float> q, IReadOnlyList<KeyValuePages> sequences, int layer, int heads, Span<float> y, ScoreRule rule = default)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        if (sequences.Count == 0)
            return;
        int kvHeads = sequences[0].Heads(layer), size = sequences[0].HeadSize, padded = sequences[0].PaddedHead;
        CheckHeads(heads, kvHeads, size);
        rule.Check();
        Guard.Length(q.Length, (long)sequences.Count * heads * size, nameof(q));
        Guard.Length(y.Length, q.Length, nameof(y));
        long chunks = 0, positions = 0;
        for (int s = 0; s < sequences.Count; s++)
        {
            if (sequences[s].Heads(layer) != kvHeads || sequences[s].HeadSize != size || sequences[s].Format != sequences[0].Format || sequences[s].Room <= sequences[s].Length)
                throw new ArgumentException($"sequence {s} has {sequences[s].Heads(layer)} heads of {sequences[s].HeadSize} in {sequences[s].Format} and room for {sequences[s].Room} positions; "
                    + $"expected {kvHeads} of {size} in {sequences[0].Format} and its newest position, appended", nameof(sequences));
            int first = FirstSeen(sequences[s].Length + 1, rule);
            chunks += Chunks(sequences[s].Length + 1, first);
            positions += sequences[s].Length + 1 - first;
        }
        int group = heads / kvHeads;
        long partial = (long)group * (padded + 2); // sums, then maxima and totals
        using Scratch scratch = Scratch.Rent(chunks * kvHeads * partial + sequences.Count * (sizeof(Sequence) / sizeof(float)));
        var list = (Sequence*)(scratch.Pointer + chunks * kvHeads * partial);
        int part = 0;
        for (int s = 0; s < sequences.Count; s++)
        {
            KeyValuePages pages = sequences[s];
            int first = FirstSeen(pages.Length + 1, rule);
            list[s] = new Sequence { Pages = pages.Pages, First = first, Positions = pages.Length + 1, FirstPart = part, KeyOffset = (nint)pages.KeyBlock(null, layer, 0) };
            part += Chunks(pages.Length + 1, first) * kvHeads;
        }
        fixed (float* pq = q, py = y)
        {
            var kernel = new DecodeKernel
            {
                Q = pq,
                Y = py,
                Partials = scratch.Pointer,
                Sequences = list,
                Count = sequences.Count,
                KvHeads = kvHeads,
                Group = group,
                Size = size,
                Padded = padded,
                BlockBytes = sequences[0].BlockBytes,
                Int8 = sequences[0].Format == KeyValueFormat.Int8,
                Scale = rule.ScaleFor(size),
                SoftCap = rule.SoftCap,
            };
            Dispatch.Run(ref kernel, part, positions * kvHeads * size >= DecodeThreadedFrom);
            kernel.Joining = true;
            Dispatch.Run(ref kernel, sequences.Count * kvHeads, threaded: false);
        }
        GC.KeepAlive(sequences);
    }

    private static int FirstSeen(int positions, ScoreRule rule) => rule.Window > 0 ? Math.Max(0, positions - rule.Window) : 0;

    /// <summary>Parts begin at the page of the first position that is seen.</summary>
    private static int Chunks(int positions, int first) => (positions - PageStart(first) + PartPositions - 1) / PartPositions;

    private static int PageStart(int position) => position / KeyValuePages.PagePositions * KeyValuePages.PagePositions;

    private struct Sequence
    {
        public nint* Pages;
        public nint KeyOffset; // bytes, of the first head's keys within a page
        public int First, Positions, FirstPart;
    }

    private struct DecodeKernel : IKernel
    {
        public float* Q, Y, Partials;
        public Sequence* Sequences;
        public int Count, KvHeads, Group, Size, Padded;
        public nint BlockBytes;
        public float Scale, SoftCap;
        public bool Int8, Joining;

        private readonly nint PartialLength => (nint)Group * (Padded + 2);

        public readonly void Part<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            if (Joining)
                Join<TLanes>(part / KvHeads, part % KvHeads);
            else
                Look<TLanes>(part);
        }

        private readonly void Look<TLanes>(int part) where TLanes : struct, ILanes<TLanes>
        {
            int s = 0;
            while (s + 1 < Count && Sequences[s + 1].FirstPart <= part)
                s++;
            Sequence sequence = Sequences[s];
            int kv = (part - sequence.FirstPart) % KvHeads, from = PageStart(sequence.First) + (part - sequence.FirstPart) / KvHeads * PartPositions;
            int positions = Math.Min(PartPositions, sequence.Positions - from);
            using Scratch scratch = Scratch.Rent((long)Group * (Padded + PartPositions));
            float* query = scratch.Pointer, scores = query + (nint)Group * Padded;
            Queries<TLanes>(s, kv, query);
            for (int at = 0; at < positions; at += KeyValuePages.PagePositions)
            {
                byte* page = Block(sequence, from + at, 0), keys = page + kv * BlockBytes;
                bool last = at + KeyValuePages.PagePositions >= positions;
                byte* next = last ? Block(sequence, from, KvHeads + kv) : Block(sequence, from + at + KeyValuePages.PagePositions, kv);
                int columns = Math.Min(KeyValuePages.PagePositions, (positions - at + KeyValuePages.Together - 1) / KeyValuePages.Together * KeyValuePages.Together);
                if (Int8)
                {
                    Int8Rows.Combine<TLanes>((sbyte*)keys, KeyValuePages.PagePositions, Size, query, Padded, Group, columns, scores + at, PartPositions, add: false);
                    Rescale<TLanes>(scores + at, Scales(page, kv), Math.Min(columns, positions - at));
                }
                else
                    HalfRows.Combine<TLanes>((ushort*)keys, KeyValuePages.PagePositions, Size, query, Padded, Group, columns, scores + at, PartPositions, add: false, (ushort*)next);
            }
            float* sums = Partials + part * PartialLength, maxima = sums + (nint)Group * Padded;
            for (int g = 0; g < Group; g++)
            {
                float* row = scores + (nint)g * PartPositions;
                if (SoftCap > 0)
                    LaneReduce.SoftCap<TLanes>(row, positions, SoftCap);
                if (from < sequence.First)
                    new Span<float>(row, sequence.First - from).Fill(float.NegativeInfinity);
                maxima[g] = LaneReduce.Max<TLanes>(row, positions);
                maxima[Group + g] = LaneReduce.ExpSum<TLanes>(row, row, positions, 1, maxima[g]);
                if (!Int8)
                    LaneReduce.Scale<TLanes>(row, positions, HalfRows.Scale);
            }
            for (int at = 0; at < positions; at += KeyValuePages.PagePositions)
            {
                byte* page = Block(sequence, from + at, 0), values = page + (KvHeads + kv) * BlockBytes;
                int rows = Math.Min(KeyValuePages.PagePositions, positions - at);
                bool last = at + KeyValuePages.PagePositions >= positions;
                byte* next = last ? values : Block(sequence, from + at + KeyValuePages.PagePositions, KvHeads + kv);
                if (Int8)
                {
                    Rescale<TLanes>(scores + at, Scales(page, KvHeads + kv), rows);
                    Int8Rows.Combine<TLanes>((sbyte*)values, Padded, rows, scores + at, PartPositions, Group, Padded, sums, Padded, add: at > 0);
                }
                else
                    HalfRows.Combine<TLanes>((ushort*)values, Padded, rows, scores + at, PartPositions, Group, Padded, sums, Padded, add: at > 0, (ushort*)next);
            }
        }

        /// <summary>The keys (heads from 0) or values (from KvHeads on) of a head, in the page of a position.</summary>
        private readonly byte* Block(in Sequence sequence, int position, int head) =>
            (byte*)(sequence.Pages[position / KeyValuePages.PagePositions] + sequence.KeyOffset) + head * BlockBytes;

        /// <summary>The scales of a head's keys, or (from KvHeads on) values.</summary>
        private readonly float* Scales(byte* page, int head) => (float*)(page + 2 * KvHeads * BlockBytes) + (nint)head * KeyValuePages.PagePositions;

        /// <summary>Each of the group's rows times the scales of its positions.</summary>
        private readonly void Rescale<TLanes>(float* rows, float* scales, int positions) where TLanes : struct, ILanes<TLanes>
        {
            for (int g = 0; g < Group; g++, rows += PartPositions)
                LaneReduce.Multiply<TLanes>(scales, rows, positions);
        }

        /// <summary>The group's queries, scaled for the scores and for <see cref="HalfRows"/>.</summary>
        private readonly void Queries<TLanes>(int sequence, int kv, float* query) where TLanes : struct, ILanes<TLanes>
        {
            float scale = (Int8 ? 1 : HalfRows.Scale) * Scale;
            float* q = Q + ((nint)sequence * KvHeads + kv) * Group * Size;
            for (int g = 0; g < Group; g++)
            {
                new ReadOnlySpan<float>(q + (nint)g * Size, Size).CopyTo(new Span<float>(query + (nint)g * Padded, Size));
                LaneReduce.Scale<TLanes>(query + (nint)g * Padded, Size, scale);
            }
        }

        /// <summary>One head's parts, weighed by e^(their maximum − the largest), over the sum of all.</summary>
        private readonly void Join<TLanes>(int s, int kv) where TLanes : struct, ILanes<TLanes>
        {
            Sequence sequence = Sequences[s];
            int chunks = Chunks(sequence.Positions, sequence.First);
            for (int g = 0; g < Group; g++)
            {
                float largest = float.NegativeInfinity, total = 0;
                for (int c = 0; c < chunks; c++)
                    largest = MathF.Max(largest, Maxima(sequence, c, kv)[g]);
                float* y = Y + (((nint)s * KvHeads + kv) * Group + g) * Size;
                new Span<float>(y, Size).Clear();
                for (int c = 0; c < chunks; c++)
                {
                    float* maxima = Maxima(sequence, c, kv), sums = maxima - (nint)Group * Padded + (nint)g * Padded;
                    float weight = MathF.Exp(maxima[g] - largest);
                    total += weight * maxima[Group + g];
                    LaneReduce.Scale<TLanes>(sums, Size, weight);
                    LaneReduce.Add<TLanes>(sums, y, Size);
                }
                LaneReduce.Scale<TLanes>(y, Size, 1 / total);
            }
        }

        private readonly float* Maxima(in Sequence sequence, int chunk, int kv) =>
            Partials + (sequence.FirstPart + chunk * KvHeads + kv) * PartialLength + (nint)Group * Padded;
    }
}
