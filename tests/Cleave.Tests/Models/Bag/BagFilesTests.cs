using System.Text.Json.Nodes;
using Cleave.Formats.Safetensors;
using Cleave.Models.Bag;

namespace Cleave.Tests.Models.Bag;

public sealed class BagFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-bag-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Place(string name) => Path.Combine(_folder, name);

    private static BagClassifier Classifier(int hidden, int bits)
        => BagClassifier.From(BagClassifierTests.Model(hidden), ["card \"x\"", "transfer", "pin ü"], bits);

    [Theory]
    [InlineData(0, 8)]
    [InlineData(40, 4)]
    public void What_is_loaded_is_what_was_saved(int hidden, int bits)
    {
        BagClassifier saved = Classifier(hidden, bits);
        saved.Save(Place("a"));
        BagClassifier loaded = BagClassifier.Load(Place("a"));
        loaded.Save(Place("b"));
        foreach (string file in new[] { "config.json", "model.safetensors" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(Place("a"), file)), File.ReadAllBytes(Path.Combine(Place("b"), file)));
        Assert.True(BagClassifier.IsBag(Place("a")));
        Assert.Equal(saved.Labels, loaded.Labels);
        float[] expected = new float[3], actual = new float[3];
        foreach (string text in new[] { "where is my card", "", "transfer to iban" })
        {
            saved.Predict(text, expected);
            loaded.Predict(text, actual);
            Assert.Equal(expected, actual);
        }
    }

    [Theory]
    [InlineData("model_type", "\"bert\"")]
    [InlineData("bits", "6")]
    [InlineData("bits", "4")]
    [InlineData("embedding_size", "-3")]
    [InlineData("embedding_size", "200")]
    [InlineData("hidden_size", "8")]
    [InlineData("ngrams", "{}")]
    [InlineData("id2label", "{\"0\": \"a\", \"2\": \"b\"}")]
    [InlineData("id2label", "{\"0\": \"a\", \"1\": \"a\", \"2\": \"b\"}")]
    [InlineData("id2label", "{\"0\": \"a\", \"1\": \"b\"}")]
    public void A_configuration_that_does_not_fit_is_refused(string name, string value)
    {
        Classifier(40, 8).Save(_folder);
        JsonNode config = JsonNode.Parse(File.ReadAllText(Place("config.json")))!;
        config[name] = JsonNode.Parse(value);
        File.WriteAllText(Place("config.json"), config.ToJsonString());
        Assert.Throws<ModelFileException>(() => BagClassifier.Load(_folder));
    }

    [Theory]
    [InlineData("buckets", "3000")]
    [InlineData("buckets", "8192")]
    [InlineData("char_orders", "[2]")]
    [InlineData("char_orders", "[0, 99]")]
    [InlineData("hash_seed", "-1")]
    [InlineData("max_characters", "0")]
    public void N_gram_options_that_do_not_fit_are_refused(string name, string value)
    {
        Classifier(40, 8).Save(_folder);
        JsonNode config = JsonNode.Parse(File.ReadAllText(Place("config.json")))!;
        config["ngrams"]![name] = JsonNode.Parse(value);
        File.WriteAllText(Place("config.json"), config.ToJsonString());
        Assert.Throws<ModelFileException>(() => BagClassifier.Load(_folder));
    }

    [Theory]
    [InlineData("vocabulary.bits", 0xFF)]
    [InlineData("vocabulary.idf", 0xFF)]
    [InlineData("vocabulary.idf", 0)]
    [InlineData("embedding.scale", 0xFF)]
    [InlineData("output.bias", 0xFF)]
    public void Damaged_tensors_are_refused(string name, byte fill)
    {
        Classifier(40, 8).Save(_folder);
        long offset, count;
        using (SafetensorsFile file = SafetensorsFile.Open(Place("model.safetensors")))
            (offset, count) = (file.Entry(name).FileOffset, file.Entry(name).ByteCount);
        byte[] bytes = File.ReadAllBytes(Place("model.safetensors"));
        bytes.AsSpan((int)offset, (int)count).Fill(fill);
        File.WriteAllBytes(Place("model.safetensors"), bytes);
        Assert.Throws<ModelFileException>(() => BagClassifier.Load(_folder));
    }

    [Fact]
    public void A_tensor_too_many_or_too_few_is_refused()
    {
        BagClassifier classifier = Classifier(40, 8);
        classifier.Save(_folder);
        IReadOnlyList<TensorToWrite> tensors = classifier.Tensors();
        SafetensorsWriter.Write(Place("model.safetensors"), [.. tensors, new TensorToWrite("more", SafetensorsDType.U8, [1], new byte[1])]);
        Assert.Throws<ModelFileException>(() => BagClassifier.Load(_folder));
        SafetensorsWriter.Write(Place("model.safetensors"), [.. tensors.Skip(1)]);
        Assert.Throws<ModelFileException>(() => BagClassifier.Load(_folder));
        Assert.Throws<ModelFileException>(() => BagClassifier.Load(Place("nowhere")));
    }
}
