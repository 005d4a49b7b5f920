using System.Text;
using System.Text.Json.Nodes;
using Cleave.Json;
using Cleave.Tokenizers.Reading;

namespace Cleave.Tokenizers.SentencePiece;

/// <summary>What tokenizer.json says for a SentencePiece model: the same steps as Hugging Face's library has them.</summary>
internal sealed class SentencePieceParts(SentencePieceModel model, Vocabulary vocabulary)
{
    private const string Mark = "\u2581";

    public TokenizerParts Build(string file) => new()
    {
        Normalizer = Parse(Normalizer(), file),
        Decoder = Parse(Decoder(), file),
        PostProcessor = Parse(ByteLevelReader.Template(vocabulary, model.Adds.Bos ? model.BosId : null, model.Adds.Eos ? model.EosId : null), file),
    };

    private static System.Text.Json.JsonElement Parse(JsonObject json, string file) =>
        JsonCursor.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()), file).Element;

    private JsonObject Normalizer()
    {
        var steps = new JsonArray();
        if (!model.CharsMap.IsEmpty)
            steps.Add(new JsonObject { ["type"] = "Precompiled", ["precompiled_charsmap"] = Convert.ToBase64String(model.CharsMap.Span) });
        if (model.RemoveExtraWhitespaces)
        {
            // Only blanks: the step Strip would take every white space from the ends, and line breaks are text to SentencePiece.
            foreach ((string pattern, string content) in ((string, string)[])[(" {2,}", " "), (@"\A ", ""), (@" \z", "")])
                steps.Add(Replace(new JsonObject { ["Regex"] = pattern }, content));
        }
        if (model.AddDummyPrefix && !model.WhitespaceAsSuffix)
            steps.Add(new JsonObject { ["type"] = "Prepend", ["prepend"] = model.EscapeWhitespaces ? Mark : " " });
        if (model.EscapeWhitespaces)
            steps.Add(Replace(new JsonObject { ["String"] = " " }, Mark));
        return new JsonObject { ["type"] = "Sequence", ["normalizers"] = steps };
    }

    private JsonObject Decoder()
    {
        var steps = new JsonArray
        {
            Replace(new JsonObject { ["String"] = Mark }, " "),
            new JsonObject { ["type"] = "ByteFallback" },
            new JsonObject { ["type"] = "Fuse" },
        };
        if (model.AddDummyPrefix)
            steps.Add(new JsonObject { ["type"] = "Strip", ["content"] = " ", ["start"] = 1, ["stop"] = 0 });
        return new JsonObject { ["type"] = "Sequence", ["decoders"] = steps };
    }

    private static JsonObject Replace(JsonObject pattern, string content) =>
        new() { ["type"] = "Replace", ["pattern"] = pattern, ["content"] = content };
}
