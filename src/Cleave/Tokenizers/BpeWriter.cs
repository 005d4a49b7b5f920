using System.Text.Encodings.Web;
using System.Text.Json;

namespace Cleave.Tokenizers;

/// <summary>
/// Writes tokenizer.json in one form: members in the order that Hugging Face's library writes them, vocabulary by
/// id, merges as texts, which old readers understand too.
/// </summary>
internal static class BpeWriter
{
    public static void Write(BpeDefinition definition, Stream stream)
    {
        var options = new JsonWriterOptions
        {
            Indented = true,
            NewLine = "\n",
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };
        using var json = new Utf8JsonWriter(stream, options);
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        foreach (AddedToken token in definition.Added.OrderBy(t => t.Id))
            WriteAdded(token, json);
        json.WriteEndArray();
        json.WriteNull("normalizer");
        json.WritePropertyName("pre_tokenizer");
        definition.PreTokenizer.Write(json);
        json.WritePropertyName("post_processor");
        if (definition.PostProcessor is { } post)
            post.WriteTo(json);
        else
            json.WriteNullValue();
        json.WritePropertyName("decoder");
        PreTokenizers.PreTokenizer.WriteByteLevel(json, addPrefixSpace: false, useRegex: true);
        WriteModel(definition, json);
        json.WriteEndObject();
        json.Flush();
    }

    private static void WriteAdded(AddedToken token, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber("id", token.Id);
        json.WriteString("content", token.Content);
        json.WriteBoolean("single_word", token.SingleWord);
        json.WriteBoolean("lstrip", token.LeftStrip);
        json.WriteBoolean("rstrip", token.RightStrip);
        json.WriteBoolean("normalized", token.Normalized);
        json.WriteBoolean("special", token.Special);
        json.WriteEndObject();
    }

    private static void WriteModel(BpeDefinition definition, Utf8JsonWriter json)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteString("unk_token", definition.UnknownToken);
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteBoolean("ignore_merges", definition.IgnoreMerges);
        json.WriteStartObject("vocab");
        for (int id = 0; id < definition.Tokens.Length; id++)
        {
            if (definition.InModel[id])
                json.WriteNumber(definition.Tokens[id], id);
        }
        json.WriteEndObject();
        WriteMerges(definition, json);
        json.WriteEndObject();
    }

    private static void WriteMerges(BpeDefinition definition, Utf8JsonWriter json)
    {
        string[] tokens = definition.Tokens;
        bool pairs = definition.Merges.Any(m => tokens[m.Left].Contains(' ') || tokens[m.Right].Contains(' '));
        json.WriteStartArray("merges");
        foreach ((int left, int right, _) in definition.Merges)
        {
            if (!pairs)
            {
                json.WriteStringValue($"{tokens[left]} {tokens[right]}");
                continue;
            }
            json.WriteStartArray();
            json.WriteStringValue(tokens[left]);
            json.WriteStringValue(tokens[right]);
            json.WriteEndArray();
        }
        json.WriteEndArray();
    }
}
