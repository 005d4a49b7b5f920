using System.Text.Json;

namespace Cleave.Tokenizers.PreTokenizers;

/// <summary>Cuts text into the words that merges never cross. The words, put together, are the text.</summary>
public abstract class PreTokenizer
{
    /// <summary>GPT-2's words: a blank belongs to the word after it, digits stay together.</summary>
    public static PreTokenizer Gpt2 { get; } = new Gpt2PreTokenizer(addPrefixSpace: false);

    /// <summary>Llama 3's words: at most three digits, line breaks end a run of punctuation.</summary>
    public static PreTokenizer Llama3 { get; } = new Llama3PreTokenizer(mostDigits: 3);

    /// <summary>Qwen 2's words: as Llama 3's, every digit by itself.</summary>
    public static PreTokenizer Qwen2 { get; } = new Llama3PreTokenizer(mostDigits: 1);

    /// <summary>Whether a text that does not begin with a blank gets one.</summary>
    public virtual bool AddPrefixSpace => false;

    /// <summary>Appends the end position of each word of the text, in order; the last one is the text's length.</summary>
    public abstract void Split(ReadOnlySpan<char> text, List<int> ends);

    /// <summary>Whether this scanner does what a split pattern says.</summary>
    internal virtual bool Covers(string pattern) => false;

    /// <summary>Writes the <c>pre_tokenizer</c> value of tokenizer.json.</summary>
    internal abstract void Write(Utf8JsonWriter json);

    internal static void WriteByteLevel(Utf8JsonWriter json, bool addPrefixSpace, bool useRegex)
    {
        json.WriteStartObject();
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", addPrefixSpace);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", useRegex);
        json.WriteEndObject();
    }

    internal static void WriteSplit(Utf8JsonWriter json, string pattern)
    {
        json.WriteStartObject();
        json.WriteString("type", "Split");
        json.WriteStartObject("pattern");
        json.WriteString("Regex", pattern);
        json.WriteEndObject();
        json.WriteString("behavior", "Isolated");
        json.WriteBoolean("invert", false);
        json.WriteEndObject();
    }

    internal static void WriteSplitThenByteLevel(Utf8JsonWriter json, string pattern)
    {
        json.WriteStartObject();
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        WriteSplit(json, pattern);
        WriteByteLevel(json, addPrefixSpace: false, useRegex: false);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
