using Cleave.Json;

namespace Cleave.Tokenizers.PreTokenizers;

/// <summary>Reads the <c>pre_tokenizer</c> value of tokenizer.json.</summary>
internal static class PreTokenizerReader
{
    public static PreTokenizer Read(JsonCursor value)
    {
        string type = value["type"].Text();
        if (type == "ByteLevel")
            return ReadByteLevel(value);
        if (type != "Sequence")
            throw value["type"].Error($"the pre-tokenizer {type} is not supported");
        JsonCursor[] parts = [.. value["pretokenizers"].Items()];
        if (parts.Length == 1)
            return ReadByteLevel(parts[0]);
        if (parts.Length != 2)
            throw value["pretokenizers"].Error($"a sequence of {parts.Length} is not supported; Split then ByteLevel is");
        PreTokenizer split = ReadSplit(parts[0]);
        ExpectByteLevel(parts[1]);
        if (parts[1].Flag("use_regex", true))
            throw parts[1].Error("use_regex after a Split is not supported; set it to false");
        if (parts[1].Flag("add_prefix_space", true))
            throw parts[1].Error("add_prefix_space after a Split is not supported; set it to false");
        return split;
    }

    private static PreTokenizer ReadByteLevel(JsonCursor value)
    {
        ExpectByteLevel(value);
        if (!value.Flag("use_regex", true))
            throw value.Error("use_regex is false, but there is no Split before it that cuts the text into words");
        return value.Flag("add_prefix_space", true) ? new Gpt2PreTokenizer(addPrefixSpace: true) : PreTokenizer.Gpt2;
    }

    private static PreTokenizer ReadSplit(JsonCursor value)
    {
        if (value["type"].Text() is var type && type != "Split")
            throw value["type"].Error($"the pre-tokenizer {type} is not supported here; Split is");
        if (value["behavior"].Text() is var behavior && behavior != "Isolated")
            throw value["behavior"].Error($"{behavior} is not supported; Isolated is");
        if (value.Flag("invert", false))
            throw value["invert"].Error("is not supported; set it to false");
        JsonCursor pattern = value["pattern"]["Regex"];
        string text = pattern.Text();
        if (text == Llama3PreTokenizer.Pattern)
            return PreTokenizer.Llama3;
        try
        {
            return new RegexPreTokenizer(text);
        }
        catch (ArgumentException e)
        {
            throw pattern.Error($"the pattern is not supported: {e.Message}");
        }
    }

    private static void ExpectByteLevel(JsonCursor value)
    {
        if (value["type"].Text() is var type && type != "ByteLevel")
            throw value["type"].Error($"the pre-tokenizer {type} is not supported here; ByteLevel is");
    }
}
