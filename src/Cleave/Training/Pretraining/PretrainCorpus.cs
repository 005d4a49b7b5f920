using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cleave.Data;
using Cleave.Formats.Durable;
using Cleave.Numerics;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PreTokenizers;

namespace Cleave.Training.Pretraining;

/// <summary>The tokenizer and the tokens of a pre-training project, kept beside its checkpoints so that a resumed run starts at once.</summary>
public sealed record PretrainCorpus(Tokenizer Tokenizer, int[] Train, int[] Validation, long TrainBytes, long ValidationBytes)
{
    /// <summary>Ends every document and starts every text: id 0.</summary>
    public const string EndOfText = "<|endoftext|>";

    private const string TokenizerName = "tokenizer.json";

    /// <summary>Trains the tokenizer where <paramref name="work"/> has none, and encodes the text.</summary>
    public static PretrainCorpus Load(PretrainProject project, string work, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(project);
        string file = Path.Combine(work, TokenizerName);
        if (!File.Exists(file))
        {
            var grown = new Progress(progress, project.Model.VocabularySize);
            Tokenizer trained = BpeTrainer.Train(Documents(project, project.Text), project.Model.VocabularySize, [EndOfText],
                new Gpt2PreTokenizer(addPrefixSpace: false), grown, cancellation);
            AtomicFile.Write(file, trained.Save);
        }
        Tokenizer tokenizer = Tokenizer.Load(File.ReadAllBytes(file), file).WithControlTokens(0, 0);
        if (tokenizer.VocabularySize > project.Model.VocabularySize)
            throw new CleaveException($"{file}: {tokenizer.VocabularySize} tokens, but the model has {project.Model.VocabularySize}; use --force to start over");
        (int[] train, long trainBytes) = Encode(tokenizer, project, project.Text, "encode text", progress, cancellation);
        (int[] validation, long validationBytes) = Encode(tokenizer, project, project.Validation, "encode validation", progress, cancellation);
        return new PretrainCorpus(tokenizer, train, validation, trainBytes, validationBytes);
    }

    /// <summary>Identifies the tokens, for checkpoints.</summary>
    public string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(MemoryMarshal.AsBytes(Train.AsSpan()));
        hash.AppendData(MemoryMarshal.AsBytes(Validation.AsSpan()));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static IEnumerable<string> Documents(PretrainProject project, IReadOnlyList<string> patterns) =>
        Corpus.Read(patterns, baseFolder: project.Folder);

    private static (int[] Tokens, long Bytes) Encode(Tokenizer tokenizer, PretrainProject project, IReadOnlyList<string> patterns,
        string stage, IProgress<ProgressReport>? progress, CancellationToken cancellation)
    {
        var tokens = new List<int> { 0 };
        long bytes = 0;
        foreach (string document in Documents(project, patterns))
        {
            cancellation.ThrowIfCancellationRequested();
            tokens.AddRange(tokenizer.Encode(document));
            tokens.Add(0);
            bytes += System.Text.Encoding.UTF8.GetByteCount(document);
            progress?.Report(new ProgressReport(stage, bytes, 0, "bytes"));
        }
        return ([.. tokens], bytes);
    }

    private sealed class Progress(IProgress<ProgressReport>? progress, int total) : IProgress<int>
    {
        public void Report(int value) => progress?.Report(new ProgressReport("train tokenizer", value, total, "tokens"));
    }
}
