using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cleave.Tokenizers;

/// <summary>
/// A tokenizer with fewer tokens that cuts some text as before. Kept are the text's tokens, what they are merged from, single bytes
/// and characters of one byte, and every added token, so that other text can still be written, in more tokens.
/// </summary>
public static class VocabularySubset
{
    /// <param name="used">The tokens of the text.</param>
    /// <returns>The tokenizer, and for each of its ids the id that it had.</returns>
    public static (Tokenizer Tokenizer, int[] Kept) Keep(ITokenizer tokenizer, IEnumerable<int> used)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(used);
        using var stream = new MemoryStream();
        tokenizer.Save(stream);
        JsonObject json = JsonNode.Parse(stream.ToArray())!.AsObject(), model = json["model"]!.AsObject();
        var kept = new SortedSet<int>(used);
        kept.UnionWith(json["added_tokens"]!.AsArray().Select(t => (int)t!["id"]!));
        kept.UnionWith(Enumerable.Range(0, tokenizer.VocabularySize).Where(id => tokenizer.TokenOf(id).Length > 0 && tokenizer.BytesOf(id).Length <= 1));
        if (tokenizer.UnknownId is { } unknown)
            kept.Add(unknown);
        if (model["merges"] is JsonArray merges)
            KeepMerges(tokenizer, model, merges, kept);
        int[] old = [.. kept];
        Dictionary<int, int> renumbered = old.Select((id, place) => (id, place)).ToDictionary(p => p.id, p => p.place);
        Renumber(json, model, renumbered);
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(json);
        return (Tokenizer.Load(bytes, "the smaller tokenizer").WithControlTokens(New(tokenizer.BosId), New(tokenizer.EosId), New(tokenizer.PadId)), old);

        int? New(int? id) => id is { } known && renumbered.TryGetValue(known, out int place) ? place : null;
    }

    // A token is made by merges of smaller ones, which have to stay with it.
    private static void KeepMerges(ITokenizer tokenizer, JsonObject model, JsonArray merges, SortedSet<int> kept)
    {
        string prefix = (string?)model["continuing_subword_prefix"] ?? "";
        var list = new List<(int Left, int Right, int Made)>();
        foreach (JsonNode? merge in merges)
        {
            string[] pair = merge is JsonArray two ? [(string)two[0]!, (string)two[1]!] : ((string)merge!).Split(' ');
            string tail = prefix.Length > 0 && pair[1].StartsWith(prefix, StringComparison.Ordinal) ? pair[1][prefix.Length..] : pair[1];
            list.Add((tokenizer.IdOf(pair[0])!.Value, tokenizer.IdOf(pair[1])!.Value, tokenizer.IdOf(pair[0] + tail)!.Value));
        }
        ILookup<int, (int Left, int Right, int Made)> byResult = list.ToLookup(m => m.Made);
        var open = new Queue<int>(kept);
        while (open.TryDequeue(out int id))
        {
            foreach ((int left, int right, int _) in byResult[id])
            {
                foreach (int part in (int[])[left, right])
                {
                    if (kept.Add(part))
                        open.Enqueue(part);
                }
            }
        }
        JsonNode?[] all = [.. merges];
        merges.Clear();
        for (int m = 0; m < all.Length; m++)
        {
            if (kept.Contains(list[m].Left) && kept.Contains(list[m].Right) && kept.Contains(list[m].Made))
                merges.Add(all[m]);
        }
    }

    private static void Renumber(JsonObject json, JsonObject model, Dictionary<int, int> renumbered)
    {
        if (model["vocab"] is JsonArray pieces) // by place
        {
            JsonNode?[] all = [.. pieces];
            pieces.Clear();
            foreach (int id in renumbered.Keys.Where(id => id < all.Length).Order())
                pieces.Add(all[id]);
            if (model["unk_id"] is { } unknown)
                model["unk_id"] = renumbered[(int)unknown];
        }
        else
        {
            var tokens = new JsonObject();
            foreach ((string token, JsonNode? id) in model["vocab"]!.AsObject().Where(t => renumbered.ContainsKey((int)t.Value!)).OrderBy(t => (int)t.Value!))
                tokens[token] = renumbered[(int)id!];
            model["vocab"] = tokens;
        }
        foreach (JsonNode? token in json["added_tokens"]!.AsArray())
            token!["id"] = renumbered[(int)token["id"]!];
        if (json["padding"] is JsonObject padding && padding["pad_id"] is { } pad)
            padding["pad_id"] = renumbered.GetValueOrDefault((int)pad);
        if (json["post_processor"] is JsonObject processor)
            RenumberProcessor(processor, renumbered);
    }

    private static void RenumberProcessor(JsonObject processor, Dictionary<int, int> renumbered)
    {
        foreach (string name in (string[])["cls", "sep"])
        {
            if (processor[name] is JsonArray { Count: 2 } pair)
                pair[1] = renumbered[(int)pair[1]!];
        }
        foreach ((string _, JsonNode? token) in processor["special_tokens"] as JsonObject ?? new JsonObject())
            token!["ids"] = new JsonArray([.. token["ids"]!.AsArray().Select(id => (JsonNode)renumbered[(int)id!])]);
        foreach (JsonNode? part in processor["processors"] as JsonArray ?? new JsonArray())
            RenumberProcessor(part!.AsObject(), renumbered);
    }
}
