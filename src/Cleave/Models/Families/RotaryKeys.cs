using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Models.Positions;

namespace Cleave.Models.Families;

/// <summary>
/// Rotary positions in config.json: <c>rope_theta</c> and <c>rope_scaling</c>, or all of it under <c>rope_parameters</c>.
/// </summary>
internal static class RotaryKeys
{
    /// <summary>θ, the elements of a head that are turned, and the scaling.</summary>
    /// <param name="scope">Where <c>rope_parameters</c> are by layer type: the type.</param>
    public static TransformerSpec Read(JsonCursor config, TransformerSpec spec, double theta, string thetaKey = "rope_theta",
        string partKey = "partial_rotary_factor", double part = 1, string? scope = null)
    {
        JsonCursor? all = config.Find("rope_parameters");
        JsonCursor? parameters = scope is not null && all?.Find(scope) is { } own ? own : all;
        JsonCursor source = parameters ?? config;
        double turned = source.Find("partial_rotary_factor")?.Number() ?? config.Number(partKey, part);
        int headSize = ConfigKeys.First(spec).HeadSize, size = (int)(headSize * turned);
        RotaryScaling? scaling = (parameters ?? config.Find("rope_scaling")) is { } s ? Scaling(config, s, spec.ContextLength) : null;
        if (scaling?.Problem() is { } problem)
            throw config.Error($"rope_scaling: {problem}");
        if (scaling is LongScaling l && (l.Short.Count != size / 2 || l.Long.Count != size / 2))
            throw config.Error($"rope_scaling: the lists of factors must have {size / 2} numbers");
        return spec with
        {
            RotaryBase = parameters?.Find("rope_theta")?.Number() ?? config.Number(thetaKey, theta),
            RotarySize = size == headSize ? null : size,
            RotaryScaling = scaling,
            ContextLength = scaling is LongScaling { OriginalContext: var original } ? Math.Min(original, spec.ContextLength) : spec.ContextLength,
        };
    }

    /// <summary>Writes θ and the scaling.</summary>
    public static void Write(JsonObject config, TransformerSpec spec, string thetaKey = "rope_theta")
    {
        config[thetaKey] = spec.RotaryBase;
        if (spec.RotaryScaling is not { } scaling)
            return;
        config["rope_scaling"] = Written(scaling);
        if (scaling is LongScaling l)
        {
            config["max_position_embeddings"] = l.DeclaredContext;
            config["original_max_position_embeddings"] = l.OriginalContext;
        }
    }

    private static RotaryScaling? Scaling(JsonCursor config, JsonCursor s, int context)
    {
        string type = s.Find("rope_type")?.Text() ?? s.Text("type", "default");
        int Original() => s.Find("original_max_position_embeddings")?.Positive() ?? config.Find("original_max_position_embeddings")?.Positive() ?? context;
        double Factor() => s["factor"].Number();
        double? Number(string key) => s.Find(key)?.Number();
        return type switch
        {
            "default" => null,
            "linear" => new LinearScaling(Factor()),
            "dynamic" => new DynamicScaling(Factor()),
            "llama3" => new Llama3Scaling(Factor(), s["low_freq_factor"].Number(), s["high_freq_factor"].Number(), Original()),
            "yarn" => new YarnScaling(Factor(), Original(), Number("beta_fast") ?? 32, Number("beta_slow") ?? 1, Number("attention_factor"),
                Number("mscale"), Number("mscale_all_dim"), s.Flag("truncate", true)),
            "longrope" or "su" => new LongScaling(Factors(s["short_factor"]), Factors(s["long_factor"]), Original(), context, Number("attention_factor")),
            _ => throw s.Error($"rotary scaling '{type}' is not supported; use a model with linear, dynamic, llama3, yarn or longrope scaling, or none"),
        };
    }

    private static double[] Factors(JsonCursor list) => [.. list.Items().Select(i => i.Number())];

    private static JsonObject Written(RotaryScaling scaling)
    {
        switch (scaling)
        {
            case LinearScaling s: return new JsonObject { ["rope_type"] = "linear", ["factor"] = s.Factor };
            case DynamicScaling s: return new JsonObject { ["rope_type"] = "dynamic", ["factor"] = s.Factor };
            case Llama3Scaling s:
                return new JsonObject
                {
                    ["rope_type"] = "llama3",
                    ["factor"] = s.Factor,
                    ["low_freq_factor"] = s.LowFactor,
                    ["high_freq_factor"] = s.HighFactor,
                    ["original_max_position_embeddings"] = s.OriginalContext,
                };
            case YarnScaling s:
                var yarn = new JsonObject
                {
                    ["rope_type"] = "yarn",
                    ["factor"] = s.Factor,
                    ["original_max_position_embeddings"] = s.OriginalContext,
                    ["beta_fast"] = s.BetaFast,
                    ["beta_slow"] = s.BetaSlow,
                    ["truncate"] = s.Truncate,
                };
                foreach ((string key, double? value) in new[] { ("attention_factor", s.AttentionFactor), ("mscale", s.MScale), ("mscale_all_dim", s.MScaleAllDimensions) })
                {
                    if (value is { } number)
                        yarn[key] = number;
                }
                return yarn;
            case LongScaling s:
                var longer = new JsonObject
                {
                    ["rope_type"] = "longrope",
                    ["short_factor"] = new JsonArray([.. s.Short.Select(f => (JsonNode)f)]),
                    ["long_factor"] = new JsonArray([.. s.Long.Select(f => (JsonNode)f)]),
                };
                if (s.AttentionFactor is { } factor)
                    longer["attention_factor"] = factor;
                return longer;
            default: throw new ArgumentException($"a {scaling.GetType().Name} cannot be written", nameof(scaling));
        }
    }
}
