using System.Text;
using System.Text.Json.Nodes;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Tests.Tokenizers;

/// <summary>A tokenizer.json small enough to change by hand.</summary>
internal static class SmallTokenizer
{
    public static JsonObject Json()
    {
        Tokenizer trained = BpeTrainer.Train(["the cat, the hat and the bat"], 264, ["<|end|>"], PreTokenizer.Gpt2);
        return JsonNode.Parse(BpeVectorTests.Save(trained))!.AsObject();
    }

    public static Tokenizer Load(JsonNode json) => Tokenizer.Load(Encoding.UTF8.GetBytes(json.ToJsonString()), "t.json");

    public static Tokenizer Load(Action<JsonObject> change)
    {
        JsonObject json = Json();
        change(json);
        return Load(json);
    }
}
