using System.Globalization;
using System.Text.Json.Nodes;
using Cleave.Formats.Durable;
using Cleave.Formats.HuggingFace;
using Cleave.Formats.Safetensors;
using Cleave.Json;

namespace Cleave.Models.Bag;

public sealed partial class BagClassifier
{
    public const string ModelType = "cleave-ngram-bag";

    private const string Architecture = "CleaveNgramBag";
    private const string ConfigName = "config.json", WeightsName = "model.safetensors";
    private const int MaxClasses = 65536, MaxWidth = 4096;
    private const long MaxConfigBytes = 16 << 20;

    /// <summary>Writes <c>config.json</c> and <c>model.safetensors</c>; the same classifier gives the same bytes.</summary>
    /// <exception cref="CleaveException">The folder cannot be written.</exception>
    public void Save(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        SafetensorsWriter.Write(Path.Combine(folder, WeightsName), Tensors(), SafetensorsWriter.TransformersMetadata);
        AtomicFile.WriteBytes(Path.Combine(folder, ConfigName), CanonicalJson.ToBytes(Config()));
    }

    /// <summary>Whether a folder's <c>config.json</c> says that it holds a bag.</summary>
    /// <exception cref="ModelFileException">There is no such file, or it is not JSON.</exception>
    public static bool IsBag(string folder)
        => JsonFile.Load(Path.Combine(folder, ConfigName), MaxConfigBytes) is { Kind: System.Text.Json.JsonValueKind.Object } config
            && config.Text("model_type", "") == ModelType;

    /// <summary>Reads what <see cref="Save"/> wrote; logits are the same to the last bit.</summary>
    /// <exception cref="ModelFileException">A file is missing or damaged, or the two do not fit together.</exception>
    public static BagClassifier Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        JsonCursor config = JsonFile.Load(Path.Combine(folder, ConfigName), MaxConfigBytes);
        if (config["model_type"].Text() != ModelType)
            throw config["model_type"].Expected(ModelType);
        NgramOptions options = Options(config["ngrams"]);
        string[] labels = ReadLabels(config["id2label"]);
        int dim = config["embedding_size"].Int(1, MaxWidth), hidden = config["hidden_size"].Int(0, MaxWidth), bits = config["bits"].Int(4, 8);
        if (bits is not (4 or 8))
            throw config["bits"].Expected("4 or 8");

        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, WeightsName));
        var reader = new BagTensorReader(file);
        NgramVocabulary vocabulary = reader.Vocabulary(options.Buckets);
        QuantizedTable table = reader.Table("embedding", vocabulary.Count, dim, bits);
        QuantizedTable? hiddenWeight = hidden == 0 ? null : reader.Table("hidden", dim, hidden, 8);
        float[] hiddenBias = hidden == 0 ? [] : reader.Floats("hidden.bias", SafetensorsDType.F32, hidden);
        QuantizedTable output = reader.Table("output", hidden == 0 ? dim : hidden, labels.Length, 8);
        float[] outputBias = reader.Floats("output.bias", SafetensorsDType.F32, labels.Length);
        reader.RefuseOthers();
        return new BagClassifier(new NgramFeaturizer(options, vocabulary), table, hiddenWeight, hiddenBias, output, outputBias, labels);
    }

    /// <summary>What <c>config.json</c> says: the kind of model, its shape, how text becomes features, the labels.</summary>
    public JsonObject Config()
    {
        NgramOptions options = Featurizer.Options;
        var labels = new JsonObject();
        for (int i = 0; i < Labels.Count; i++)
            labels[i.ToString(CultureInfo.InvariantCulture)] = Labels[i];
        return new JsonObject
        {
            ["architectures"] = new JsonArray(Architecture),
            ["model_type"] = ModelType,
            ["embedding_size"] = Dim,
            ["hidden_size"] = Hidden,
            ["bits"] = Bits,
            ["ngrams"] = new JsonObject
            {
                ["buckets"] = options.Buckets,
                ["char_orders"] = new JsonArray(options.MinCharOrder, options.MaxCharOrder),
                ["word_orders"] = new JsonArray(options.MinWordOrder, options.MaxWordOrder),
                ["lower_case"] = options.LowerCase,
                ["max_characters"] = options.MaxCharacters,
                ["hash_seed"] = options.HashSeed,
            },
            ["id2label"] = labels,
        };
    }

    private static NgramOptions Options(JsonCursor ngrams)
    {
        (int minChar, int maxChar) = Range(ngrams["char_orders"]);
        (int minWord, int maxWord) = Range(ngrams["word_orders"]);
        var options = new NgramOptions
        {
            Buckets = ngrams["buckets"].Positive(),
            MinCharOrder = minChar,
            MaxCharOrder = maxChar,
            MinWordOrder = minWord,
            MaxWordOrder = maxWord,
            LowerCase = ngrams["lower_case"].Flag(),
            MaxCharacters = ngrams["max_characters"].Positive(),
            HashSeed = (uint)ngrams["hash_seed"].Integer(0, uint.MaxValue),
        };
        try
        {
            options.Validate();
        }
        catch (ArgumentException e)
        {
            throw ngrams.Error(e.Message);
        }
        return options;
    }

    private static (int Min, int Max) Range(JsonCursor pair)
    {
        int[] values = [.. pair.Items().Take(3).Select(v => v.Int(0, 100))];
        return values.Length == 2 ? (values[0], values[1]) : throw pair.Expected("a smallest and a largest order");
    }

    private static string[] ReadLabels(JsonCursor id2label)
    {
        int count = id2label.Members().Count();
        if (count is < 2 or > MaxClasses)
            throw id2label.Error($"{count} labels; 2 to {MaxClasses} are possible");
        string[] labels = [.. Enumerable.Range(0, count).Select(i => id2label[i.ToString(CultureInfo.InvariantCulture)].Text())];
        return labels.Distinct(StringComparer.Ordinal).Count() == count ? labels : throw id2label.Error("two classes have the same name");
    }
}
