using Cleave.Compression.Conversion;
using Cleave.Formats.HuggingFace;
using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Tokenizers;

namespace Cleave.Tests.Models;

/// <summary>A real small model, trained and published with what the original program makes of it (model-stories260k in the shared data).</summary>
public sealed class StoriesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-stories").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [SharedTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_most_likely_200_tokens_are_those_of_llama2_c(bool throughGguf)
    {
        string folder = Shared.Data("model-stories260k");
        Tokenizer tokenizer = TokenizerFile.Load(Path.Combine(folder, "tok512.bin"));
        Transformer model = Llama2cModel.Load(Path.Combine(folder, "stories260K.bin"));
        if (throughGguf)
        {
            string path = Path.Combine(_folder, "stories.gguf");
            ModelConverter.ToGguf(new LanguageModel(model, GgufCases.Tokenizer, []), "stories260K", path,
                new ConversionOptions { Mix = TypeMix.Find("F32") }, null, CancellationToken.None);
            model = GgufModel.Load(path);
        }
        using var generator = new Generator(model);
        const int Begin = 1;
        int[] made = generator.Greedy([[Begin]], 200, id => id == Begin)[0].Tokens;
        Assert.Equal(File.ReadAllText(Path.Combine(folder, "expected_greedy_200.txt")).Trim(), tokenizer.Decode(made).Trim());
    }
}
