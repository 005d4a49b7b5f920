using System.Text.Encodings.Web;
using System.Text.Json;

namespace Cleave.Tokenizers.Reading;

/// <summary>
/// Writes tokenizer.json in one form: members in the order that Hugging Face's library writes them, vocabulary by
/// id, merges as texts, which old readers understand too.
/// </summary>
internal static class TokenizerJsonWriter
{
    public static void Write(TokenizerDefinition definition, Stream stream)
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
        Part(json, "truncation", definition.Parts.Truncation);
        Part(json, "padding", definition.Parts.Padding);
        json.WriteStartArray("added_tokens");
        foreach (AddedToken token in definition.Vocabulary.Added.OrderBy(t => t.Id))
            WriteAdded(token, json);
        json.WriteEndArray();
        Part(json, "normalizer", definition.Parts.Normalizer);
        Part(json, "pre_tokenizer", definition.Parts.PreTokenizer);
        Part(json, "post_processor", definition.Parts.PostProcessor);
        Part(json, "decoder", definition.Parts.Decoder);
        json.WriteStartObject("model");
        definition.Model.Write(json, definition.Vocabulary);
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
    }

    private static void Part(Utf8JsonWriter json, string name, JsonElement? value)
    {
        json.WritePropertyName(name);
        if (value is { } element)
            element.WriteTo(json);
        else
            json.WriteNullValue();
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
}
