using Cleave.Tokenizers;

namespace Cleave.Training.Distillation;

/// <summary>Distributions can be compared only over the same tokens.</summary>
public static class SharedVocabulary
{
    /// <exception cref="CleaveException">The two tokenizers differ in a token.</exception>
    public static void Require(string firstName, ITokenizer first, string secondName, ITokenizer second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        string? difference = first.VocabularySize != second.VocabularySize ? $"{first.VocabularySize} and {second.VocabularySize} tokens" : null;
        for (int id = 0; difference is null && id < first.VocabularySize; id++)
        {
            if (first.TokenOf(id) != second.TokenOf(id))
                difference = $"token {id} is '{first.TokenOf(id)}' in one and '{second.TokenOf(id)}' in the other";
        }
        if (difference is not null)
        {
            throw new CleaveException($"{firstName} and {secondName} have different tokenizers ({difference}), so their distributions cannot be compared: "
                + "make the student of the teacher with --layers, or teach a task of the kind classify, whose labels need no common tokens");
        }
    }
}
