using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Tensors;
using Cleave.Tokenizers;

namespace Cleave.Training.Distillation;

/// <summary>SHA-256 of what a model, a tokenizer or a text is, whatever file it came from.</summary>
internal static class ModelFingerprint
{
    /// <summary>Of a model's shape and every weight as it is read.</summary>
    public static string Of(Transformer model)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{model.Spec with { Layers = [], Encoder = null }}|{string.Join(';', model.Spec.Layers)}"));
        var row = Array.Empty<float>();
        foreach ((string name, object weight) in model.Weights())
        {
            hash.AppendData(Encoding.UTF8.GetBytes(name));
            if (weight is Tensor tensor)
            {
                hash.AppendData(MemoryMarshal.AsBytes(tensor.Data));
                continue;
            }
            var linear = (Linear)weight;
            if (row.Length != linear.Inputs)
                row = new float[linear.Inputs];
            for (int r = 0; r < linear.Outputs; r++)
            {
                linear.CopyRow(r, row);
                hash.AppendData(MemoryMarshal.AsBytes(row.AsSpan()));
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Of every token, by its number.</summary>
    public static string Of(ITokenizer tokenizer)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int id = 0; id < tokenizer.VocabularySize; id++)
            hash.AppendData(Encoding.UTF8.GetBytes(tokenizer.TokenOf(id) + '\n'));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Of a text's tokens.</summary>
    public static string Of(ReadOnlySpan<int> tokens) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(tokens)));
}
