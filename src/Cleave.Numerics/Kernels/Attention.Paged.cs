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
    /// <param name="bias">(H, 2R + 1), what is added to a head's scores by the key's position less the newest, from −R to R; or empty.</param>
    /// <exception cref="ArgumentException">The sequences differ in shape, or one was given no newest position.</exception>
    public static void Decode(ReadOnlySpan<float> q, IReadOnlyList<KeyValuePages> sequences, int layer, int heads, Span<float> y, ScoreRule rule = default,
        ReadOnlySpan<float> bias = default) => Decode(q, sequences, layer, heads, y, rule, bias, newest: 1);

    /// <summary>One query of each sequence that looks at all positions of its <see cref="KeyValuePages.Source"/>.</summary>
    /// <param name="q">(B, H·D), one row a sequence</param>
    /// <param name="y">(B, H·D)</param>
    /// <exception cref="ArgumentException">The sources differ in shape, or a sequence has none, or an empty one.</exception>
    public static void DecodeAcross(ReadOnlySpan<float> q, IReadOnlyList<KeyValuePages> sequences, int layer, int heads, Span<float> y, ScoreRule rule = default) =>
        Decode(q, sequences, layer, heads, y, rule, default, newest: 0);

    /// <summary>What a sequence looks at: itself with its newest position, or its source.</summary>
    private static KeyValuePages LookedAt(KeyValuePages sequence, int newest) =>
        newest > 0 ? sequence : sequence.Source ?? throw new ArgumentException("a sequence has no source to look at", nameof(sequence));

    /// <param name="newest">Positions behind those that are counted.</param>
    private static void Decode(ReadOnlySpan<float> q, IReadOnlyList<KeyValuePages> sequences, int layer, int heads, Span<float> y, ScoreRule rule,
        ReadOnlySpan<float> bias, int newest)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        if (sequences.Count == 0)
            return;
        KeyValuePages one = LookedAt(sequences[0], newest);
        int kvHeads = one.Heads(layer), size = one.HeadSize, padded = one.PaddedHead;
        CheckHeads(heads, kvHeads, size);
        rule.Check();
        Guard.Length(q.Length, (long)sequences.Count * heads * size, nameof(q));
        Guard.Length(y.Length, q.Length, nameof(y));
        long chunks = 0, positions = 0;
        for (int s = 0; s < sequences.Count; s++)
        {
            KeyValuePages pages = LookedAt(sequences[s], newest);
            int filled = pages.Length + newest, first = FirstSeen(filled, rule);
            if (pages.Heads(layer) != kvHeads || pages.HeadSize != size || pages.Format != one.Format || pages.Room < filled || filled == 0)
                throw new ArgumentException($"sequence {s} has {pages.Heads(layer)} heads of {pages.HeadSize} in {pages.Format} and room for {pages.Room} positions; "
                    + $"expected {kvHeads} of {size} in {one.Format} and its newest position, appended", nameof(sequences));
            chunks += Chunks(filled, first);
            positions += filled - first;
        }
        int group = heads / kvHeads;
        long partial = (long)group * (padded + 2); // sums, then maxima and totals
        using Scratch scratch = Scratch.Rent(chunks * kvHeads * partial + sequences.Count * (sizeof(Sequence) / sizeof(float)));
        var list = (Sequence*)(scratch.Pointer + chunks * kvHeads * partial);
        int part = 0;
        for (int s = 0; s < sequences.Count; s++)
        {
            KeyValuePages pages = LookedAt(sequences[s], newest);
            int filled = pages.Length + newest, first = FirstSeen(filled, rule);
            list[s] = new Sequence { Pages = pages.Pages, First = first, Positions = filled, FirstPart = part, KeyOffset = (nint)pages.KeyBlock(null, layer, 0) };
            part += Chunks(filled, first) * kvHeads;
        }
        fixed (float* pq = q, py = y, pb = bias)
        {
            var kernel = new DecodeKernel
            {
                Q = pq,
                Y = py,
                Bias = pb,
                Reach = BiasReach(bias.Length, heads),
                Partials = scratch.Pointer,
                Sequences = list,
                Count = sequences.Count,
                KvHeads = kvHeads,
                Group = group,
                Size = size,
                Padded = padded,
                BlockBytes = one.BlockBytes,
                Int8 = one.Format == KeyValueFormat.Int8,
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
        public float* Q, Y, Partials, Bias;
        public Sequence* Sequences;
        public int Count, KvHeads, Group, Size, Padded, Reach;
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
                if (Bias != null)
                    AddBias(row, kv * Group + g, from - sequence.Positions + 1, positions);
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

        /// <param name="distance">From the newest position to the row's first, never above 0.</param>
        private readonly void AddBias(float* row, int head, int distance, int positions)
        {
            float* zero = Bias + head * (2L * Reach + 1) + Reach;
            for (int c = 0; c < positions; c++)
                row[c] += zero[Math.Max(distance + c, -Reach)];
        }

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
