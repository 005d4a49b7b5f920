using Cleave.Formats.Gguf;
using Cleave.Models.Positions;

namespace Cleave.Models.Families;

/// <summary>Rotary positions in GGUF: the keys under <c>rope.</c>, and tensors with a divisor for each frequency.</summary>
internal static class GgufRotary
{
    public const string Frequencies = "rope_freqs.weight", Short = "rope_factors_short.weight", Long = "rope_factors_long.weight";
    private const string Type = "rope.scaling.type", Factor = "rope.scaling.factor", Original = "rope.scaling.original_context_length", Magnitude = "rope.scaling.attn_factor";

    public static TransformerSpec Read(GgufKeys keys, GgufFamily family, TransformerSpec spec)
    {
        if (spec.Position != PositionKind.Rotary)
            return spec;
        int headSize = ConfigKeys.First(spec).HeadSize, size = keys.Positive("rope.dimension_count", headSize);
        if (size != headSize && !family.PartialRotation)
            throw keys.Error("rope.dimension_count", $"is {size} for heads of {headSize}; positions that rotate a part of a head are not supported in this family");
        RotaryScaling? scaling = Scaling(keys, spec, size);
        if (scaling?.Problem() is { } problem)
            throw new ModelFileException(keys.Path, $"scaled positions: {problem}");
        return spec with
        {
            RotarySize = size == headSize ? null : size,
            RotaryScaling = scaling,
            ContextLength = scaling is LongScaling { OriginalContext: var original } ? Math.Min(original, spec.ContextLength) : spec.ContextLength,
        };
    }

    /// <exception cref="CleaveException">The family has no place for the scaling.</exception>
    public static IEnumerable<GgufKey> Write(TransformerSpec spec, GgufFamily family)
    {
        switch (spec.RotaryScaling)
        {
            case LinearScaling s:
                yield return new GgufKey(Type, "linear");
                yield return new GgufKey(Factor, (float)s.Factor);
                break;
            case YarnScaling s:
                yield return new GgufKey(Type, "yarn");
                yield return new GgufKey(Factor, (float)s.Factor);
                yield return new GgufKey(Original, s.OriginalContext);
                if (Math.Abs(s.Magnitude / Sharpened(s.Factor) - 1) > 1e-6)
                    yield return new GgufKey(Magnitude, (float)(s.Magnitude / Sharpened(s.Factor)));
                break;
            case LongScaling s when !IsPlain(s, family):
                yield return new GgufKey(Type, "longrope");
                yield return new GgufKey(Original, s.OriginalContext);
                yield return new GgufKey(Magnitude, (float)s.Magnitude);
                break;
        }
    }

    /// <summary>The tensors that belong to them.</summary>
    /// <exception cref="CleaveException">The family has no place for them.</exception>
    public static IEnumerable<(string Name, float[] Values)> Tensors(TransformerSpec spec, GgufFamily family)
    {
        switch (spec.RotaryScaling)
        {
            case Llama3Scaling s:
                Require(family, RotaryTensors.Frequencies);
                double[] plain = Numerics.Kernels.RotaryTable.Frequencies(spec.RotarySize ?? ConfigKeys.First(spec).HeadSize, spec.RotaryBase);
                yield return (Frequencies, [.. plain.Zip(s.Frequencies(plain, spec.RotaryBase), (p, f) => (float)(p / f))]);
                break;
            case LongScaling s when IsPlain(s, family):
                yield return (Frequencies, [.. s.Short.Select(f => (float)f)]);
                break;
            case LongScaling s:
                Require(family, RotaryTensors.Factors);
                yield return (Long, [.. s.Long.Select(f => (float)f)]);
                yield return (Short, [.. s.Short.Select(f => (float)f)]);
                break;
        }
    }

    /// <summary>The context that the model was made for, which may be longer than the one that is computed here.</summary>
    public static int DeclaredContext(TransformerSpec spec) => spec.RotaryScaling is LongScaling s ? s.DeclaredContext : spec.ContextLength;

    private static RotaryScaling? Scaling(GgufKeys keys, TransformerSpec spec, int size)
    {
        string type = keys.FindText(Type) ?? "linear";
        double factor = keys.Number(Factor, keys.Number("rope.scale_linear", 0)), magnitude = keys.Number(Magnitude, 1);
        factor = factor == 0 ? 1 : factor;
        int original = keys.Positive(Original, spec.ContextLength);
        bool listed = keys.HasTensor(Short) || keys.HasTensor(Long), changed = keys.HasTensor(Frequencies);
        if ((listed || changed) && (factor != 1 || listed && changed))
            throw new ModelFileException(keys.Path, "positions are scaled in two ways at once, which is not supported; use a model with one");
        if (listed)
            return new LongScaling(keys.Divisors(Short, size / 2), keys.Divisors(Long, size / 2), original, spec.ContextLength, magnitude);
        if (changed)
        {
            double[] divisors = keys.Divisors(Frequencies, size / 2);
            return magnitude == 1 && Llama3(divisors, Numerics.Kernels.RotaryTable.Frequencies(size, spec.RotaryBase)) is { } known ? known
                : new LongScaling(divisors, divisors, spec.ContextLength, spec.ContextLength, magnitude);
        }
        switch (type)
        {
            case "none" or "linear" when magnitude == 1: return factor == 1 || type == "none" ? null : new LinearScaling(factor);
            case "yarn": return new YarnScaling(factor, original, AttentionFactor: magnitude == 1 ? null : magnitude * Sharpened(factor));
            default: throw keys.Error(Type, $"is '{type}', which is not supported with these keys and tensors; none, linear, yarn and longrope with its factors are");
        }
    }

    /// <summary>
    /// The rule of Llama 3.1 behind its divisors: within its passage 1/divisor is a line over the frequency, and only the
    /// quotients of its three lengths matter, so that the low factor is 1. Null where another rule made them.
    /// </summary>
    private static Llama3Scaling? Llama3(double[] divisors, double[] plain)
    {
        double factor = divisors.Max();
        int[] passage = [.. Enumerable.Range(0, divisors.Length).Where(i => divisors[i] > 1 + 1e-4 && divisors[i] < factor * (1 - 1e-4))];
        if (factor <= 1 || passage.Length < 2)
            return null;
        double Share(int i) => (1 / divisors[i] - 1 / factor) / (1 - 1 / factor);
        double slope = (Share(passage[0]) - Share(passage[^1])) / (plain[passage[0]] - plain[passage[^1]]), start = Share(passage[0]) - slope * plain[passage[0]];
        double high = Math.Round(1 - 1 / start), original = Math.Round(slope * 2 * Math.PI * (high - 1));
        if (!(high > 1 && original is > 1 and < int.MaxValue))
            return null;
        var rule = new Llama3Scaling(Math.Round(factor, 4), 1, high, (int)original);
        double[] made = rule.Frequencies(plain, 0);
        return Enumerable.Range(0, plain.Length).All(i => Math.Abs(plain[i] / made[i] - divisors[i]) < 1e-5 * divisors[i]) ? rule : null;
    }

    /// <summary>One list for every length, and nothing besides: what <see cref="RotaryTensors.Frequencies"/> can say.</summary>
    private static bool IsPlain(LongScaling s, GgufFamily family) =>
        family.RotaryTensors.HasFlag(RotaryTensors.Frequencies) && s.Magnitude == 1 && s.Short.SequenceEqual(s.Long);

    private static void Require(GgufFamily family, RotaryTensors needed)
    {
        if (!family.RotaryTensors.HasFlag(needed))
            throw new CleaveException($"its scaled positions have no place in a GGUF file of '{family.Architecture}', for which llama.cpp computes none of this kind");
    }

    // YaRN's own magnitude, which llama.cpp puts in by itself.
    private static double Sharpened(double factor) => factor <= 1 ? 1 : 0.1 * Math.Log(factor) + 1;
}
