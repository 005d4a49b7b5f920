using Cleave.Models;

namespace Cleave.Training.Distillation;

/// <summary>
/// What a student learns a text from: distributions over the vocabulary, token by token. A batch is read, then its rows are announced a
/// stretch at a time, so that no teacher's logits are there for all rows at once.
/// </summary>
public interface ITextTeacher : IDisposable
{
    /// <summary>V.</summary>
    int VocabularySize { get; }

    /// <summary>The longest window.</summary>
    int ContextLength { get; }

    /// <summary>T of the distributions.</summary>
    float Temperature { get; }

    /// <summary>Identifies the teacher, for checkpoints.</summary>
    string Fingerprint { get; }

    /// <summary>The model whose inner states can be matched, or null.</summary>
    Transformer? Model { get; }

    /// <summary>Whether it knows the windows of one cut of the text alone.</summary>
    bool NeedsFixedCuts { get; }

    /// <summary>Takes a batch of windows.</summary>
    /// <param name="starts">Where in the text each window begins.</param>
    /// <param name="observer">Sees the inner states of <see cref="Model"/>, or null.</param>
    void Read(TokenBatch batch, ReadOnlySpan<int> starts, IActivationObserver? observer = null);

    /// <summary>Announces rows of the batch, from one thread.</summary>
    void Begin(int row, int rows);

    /// <summary>The distribution of one of the announced rows, from any thread.</summary>
    /// <param name="student">(V): the student's logits there, for what the teacher does not say.</param>
    /// <param name="destination">(V): softmax(logits / T).</param>
    void Probabilities(int row, ReadOnlySpan<float> student, Span<float> destination);
}
