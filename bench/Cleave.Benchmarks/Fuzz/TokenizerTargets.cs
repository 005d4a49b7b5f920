using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Cleave.Formats.HuggingFace;
using Cleave.Numerics;
using Cleave.Tokenizers;

namespace Cleave.Benchmarks.Fuzz;

/// <summary>Tokenizers in their own files: loaded, used in every way, and saved.</summary>
public abstract class TokenizerTarget : FuzzTarget
{
    private const string Text = "Hello the cat é 你👍 <s> it's  a\n12 aaab";

    protected abstract string FileName { get; }

    public override void Use(string folder)
    {
        Tokenizer tokenizer = TokenizerFile.Load(Path.Combine(folder, FileName));
        int[] ids = tokenizer.Encode(Text, parseSpecial: true);
        _ = tokenizer.Decode(ids).Length;
        if (tokenizer.EncodeWithOffsets(Text, parseSpecial: true).Ids.Length != ids.Length)
            throw new InvalidOperationException("the same text has two encodings");
        _ = tokenizer.EncodeForModel(Text, "and").Ids.Length;
        tokenizer.Save(Stream.Null);
    }

    protected static string[] Alphabet { get; } = [.. Enumerable.Range(0, 256).Select(b => b switch
    {
        >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE => ((char)b).ToString(),
        < 0x21 => ((char)(256 + b)).ToString(),
        < 0xA1 => ((char)(256 + 33 + b - 0x7F)).ToString(),
        _ => ((char)(256 + 67)).ToString(),
    })];
}

/// <summary>tokenizer.json of every kind of model with most parts around it.</summary>
public sealed class TokenizerJsonTarget : TokenizerTarget
{
    private static readonly string[] Models =
    [
        """{"type":"BPE","unk_token":"<unk>","byte_fallback":true,"fuse_unk":true,"ignore_merges":false,"vocab":{"<unk>":0,"a":1,"b":2,"ab":3,"aab":4,"e":5,"he":6,"<0x41>":7,"\u2581":8,"t":9,"\u2581t":10,"c":11,"l":12,"h":13},"merges":["a b","a ab",["h","e"],["\u2581","t"]]}""",
        """{"type":"BPE","unk_token":"<unk>","continuing_subword_prefix":"##","end_of_word_suffix":"</w>","vocab":{"<unk>":0,"a":1,"##b":2,"ab":3,"##b</w>":4,"ab</w>":5,"t":6,"##h":7,"th":8},"merges":["a ##b","a ##b</w>","t ##h"]}""",
        """{"type":"Unigram","unk_id":0,"byte_fallback":false,"vocab":[["<unk>",0],["\u2581",-2],["a",-3.5],["the",-1.25],["\u2581the",-1],["t",-4],["h",-4],["e",-4.5],["cat",-3]]}""",
        """{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":20,"vocab":{"[UNK]":0,"the":1,"c":2,"##at":3,"##a":4,"##t":5,"hello":6,".":7}}""",
        """{"type":"WordLevel","unk_token":"<unk>","vocab":{"<unk>":0,"the":1,"cat":2,"it":3}}""",
    ];

    private static readonly string[] Around =
    [
        """{"normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Lowercase"},{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "}]},"pre_tokenizer":{"type":"Metaspace","replacement":"\u2581","prepend_scheme":"first","split":true},"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}},"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"\u2581"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},"truncation":{"max_length":12,"strategy":"LongestFirst","stride":0,"direction":"Right"},"padding":{"strategy":{"Fixed":16},"direction":"Left","pad_to_multiple_of":8,"pad_id":0,"pad_type_id":0,"pad_token":"<pad>"}}""",
        """{"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":{"type":"BertProcessing","sep":["a",1],"cls":["b",2]},"decoder":{"type":"WordPiece","prefix":"##","cleanup":true}}""",
        """{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)|\\s+"},"behavior":"Isolated","invert":false},{"type":"Digits","individual_digits":true},{"type":"UnicodeScripts"},{"type":"Punctuation","behavior":"MergedWithNext"}]},"post_processor":{"type":"RobertaProcessing","sep":["a",1],"cls":["b",2],"trim_offsets":true,"add_prefix_space":false},"decoder":{"type":"BPEDecoder","suffix":"</w>"}}""",
        """{"normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"\u2581"},{"type":"Strip","strip_left":true,"strip_right":true},{"type":"StripAccents"},{"type":"Nmt"}]},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true},"post_processor":{"type":"ByteLevel","trim_offsets":true},"decoder":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}}""",
        """{"pre_tokenizer":{"type":"WhitespaceSplit"},"decoder":{"type":"CTC","pad_token":"<pad>","word_delimiter_token":"|","cleanup":true}}""",
    ];

    private const string Added = """[{"id":20,"content":"<s>","special":true,"normalized":false,"single_word":false,"lstrip":false,"rstrip":true},{"id":21,"content":"dog","special":false,"normalized":true,"single_word":true,"lstrip":true,"rstrip":false}]""";

    private readonly JsonNode[] _goods = [.. Models.SelectMany(m => Around.Select(a => Joined(m, a)))];

    public override string Name => "tokenizer.json";

    protected override string FileName => "tokenizer.json";

    public override IEnumerable<FuzzFile[]> Goods() => _goods.Select(g => new[] { new FuzzFile(FileName, Encoding.UTF8.GetBytes(g.ToJsonString())) });

    public override FuzzFile[] Next(Rng random) => [new(FileName, JsonDamage.Next(random, _goods[random.NextInt(_goods.Length)]))];

    private static JsonObject Joined(string model, string around)
    {
        JsonObject root = JsonNode.Parse(around)!.AsObject();
        root["version"] = "1.0";
        root["added_tokens"] = JsonNode.Parse(Added);
        root["model"] = JsonNode.Parse(model);
        return root;
    }
}

/// <summary>vocab.json with merges.txt.</summary>
public sealed class PairTarget : TokenizerTarget
{
    private static readonly string[] Tokens = [.. Alphabet, "th", "the", "\u0120t", "\u0120the", "ca", "cat", "<|endoftext|>"];
    private const string Merges = "#version: 0.2\nt h\nth e\n\u0120 t\n\u0120t h\n\u0120t he\nc a\nca t\n";

    private readonly JsonObject _vocabulary = new(Tokens.Select((t, id) => KeyValuePair.Create(t, (JsonNode?)id)));
    private readonly byte[] _vocabularyBytes;

    public PairTarget()
    {
        _vocabulary["\u0120th"] = Tokens.Length;
        _vocabulary["he"] = Tokens.Length + 1;
        _vocabularyBytes = Encoding.UTF8.GetBytes(_vocabulary.ToJsonString());
    }

    public override string Name => "vocab.json+merges.txt";

    protected override string FileName => "vocab.json";

    public override IEnumerable<FuzzFile[]> Goods() => [[new(FileName, _vocabularyBytes), new("merges.txt", Encoding.UTF8.GetBytes(Merges))]];

    public override FuzzFile[] Next(Rng random)
    {
        FuzzFile[] files = Goods().First();
        if (random.NextInt(2) == 0)
            files[0] = files[0] with { Bytes = JsonDamage.Next(random, _vocabulary) };
        if (random.NextInt(2) == 0)
        {
            string merges = Merges;
            for (int i = random.NextInt(3); i >= 0; i--)
                merges = Damage.Lines(merges, random, ["a b", "t h e", "t", " t", "t ", "\u0120 \u0120", "t \u0120the", "é é", "\u0000 a"]);
            files[1] = files[1] with { Bytes = Encoding.UTF8.GetBytes(merges) };
        }
        else
        {
            files[1] = files[1] with { Bytes = Damage.Bytes((byte[])files[1].Bytes.Clone(), random) };
        }
        return files;
    }
}

/// <summary>BERT's vocab.txt, with a tokenizer_config.json beside it.</summary>
public sealed class WordListTarget : TokenizerTarget
{
    private const string Words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\nhello\n##s\n##at\nc\n##a\n##t\nit\n'\n.\n你\na\n";
    private readonly JsonDamage _config = new("""{"do_lower_case":true,"strip_accents":null,"tokenize_chinese_chars":true,"unk_token":"[UNK]","cls_token":"[CLS]","sep_token":"[SEP]","pad_token":{"content":"[PAD]"},"mask_token":"[MASK]","tokenizer_class":"BertTokenizer"}""");

    public override string Name => "vocab.txt";

    protected override string FileName => "vocab.txt";

    public override IEnumerable<FuzzFile[]> Goods() => [[new(FileName, Encoding.UTF8.GetBytes(Words)), new("tokenizer_config.json", "{}"u8.ToArray())]];

    public override FuzzFile[] Next(Rng random)
    {
        FuzzFile[] files = Goods().First();
        if (random.NextInt(2) == 0)
            files[1] = files[1] with { Bytes = _config.Next(random) };
        string words = Words;
        for (int i = random.NextInt(4); i > 0; i--)
            words = Damage.Lines(words, random, ["##", "[UNK]", "", "the", new string('a', 200), "##\u0301", "[CLS] "]);
        byte[] bytes = Encoding.UTF8.GetBytes(words);
        files[0] = files[0] with { Bytes = random.NextInt(3) == 0 ? Damage.Bytes(bytes, random) : bytes };
        return files;
    }
}

/// <summary>tiktoken's tokenizer.model: tokens in base64 and their ranks.</summary>
public sealed class RanksTarget : TokenizerTarget
{
    private static readonly string Ranks = string.Join('\n', Enumerable.Range(0, 256).Select(b => new[] { (byte)b })
        .Concat(new[] { "th", "the", " t", " the", "ca", "cat", "he" }.Select(Encoding.UTF8.GetBytes)).Select((t, i) => $"{Convert.ToBase64String(t)} {i}")) + "\n";

    public override string Name => "tokenizer.model (ranks)";

    protected override string FileName => "tokenizer.model";

    public override IEnumerable<FuzzFile[]> Goods() => [[new(FileName, Encoding.ASCII.GetBytes(Ranks))]];

    public override FuzzFile[] Next(Rng random)
    {
        string ranks = Ranks;
        for (int i = random.NextInt(4); i > 0; i--)
            ranks = Damage.Lines(ranks, random, ["dGhl 300", "dGhl -1", "dGhl 2147483647", "dGhl", "==== 3", "dGhl 99999999999", " 5", "dGhl 5 6", "dGhl=5"]);
        byte[] bytes = Encoding.UTF8.GetBytes(ranks);
        return [new(FileName, random.NextInt(3) == 0 ? Damage.Bytes(bytes, random) : bytes)];
    }
}

/// <summary>llama2.c's tokenizer.bin.</summary>
public sealed class Llama2cTokenizerTarget : TokenizerTarget
{
    private readonly byte[] _good = Write();

    public override string Name => "tokenizer.bin";

    protected override string FileName => "tokenizer.bin";

    public override IEnumerable<FuzzFile[]> Goods() => [[new(FileName, _good)]];

    public override FuzzFile[] Next(Rng random)
    {
        byte[] bytes = (byte[])_good.Clone();
        for (int i = random.NextInt(4); i >= 0; i--)
            bytes = Damage.Bytes(bytes, random, random.NextInt(2) == 0 ? 64 : int.MaxValue);
        return [new(FileName, bytes)];
    }

    private static byte[] Write()
    {
        string[] tokens = ["<unk>", "\n<s>\n", "\n</s>\n", .. Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>"), " ", "t", "h", "e", "th", "the", " t", " the", "a", "c", "ca", "cat", "é"];
        var bytes = new List<byte>();
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(number, 8);
        bytes.AddRange(number[..4]);
        for (int i = 0; i < tokens.Length; i++)
        {
            byte[] text = Encoding.UTF8.GetBytes(tokens[i]);
            BinaryPrimitives.WriteSingleLittleEndian(number, -i);
            BinaryPrimitives.WriteInt32LittleEndian(number[4..], text.Length);
            bytes.AddRange(number);
            bytes.AddRange(text);
        }
        return [.. bytes];
    }
}
