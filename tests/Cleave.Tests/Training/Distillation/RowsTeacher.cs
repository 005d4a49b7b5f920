using Cleave.Models;
using Cleave.Training.Distillation;

namespace Cleave.Tests.Training.Distillation;

/// <summary>A teacher that says the same rows in every window.</summary>
/// <param name="rows">Distributions, one a token of a window.</param>
internal sealed class RowsTeacher(float[][] rows, float temperature, string name = "rows") : ITextTeacher
{
    public int Windows { get; private set; }
    public int VocabularySize => rows[0].Length;
    public int ContextLength => rows.Length;
    public float Temperature => temperature;
    public string Fingerprint => name;
    public Transformer? Model => null;
    public bool NeedsFixedCuts => false;
    public void Read(TokenBatch batch, ReadOnlySpan<int> starts, IActivationObserver? observer = null) => Windows += starts.Length;
    public void Begin(int row, int count) { }
    public void Probabilities(int row, ReadOnlySpan<float> student, Span<float> destination) => rows[row % rows.Length].CopyTo(destination);
    public void Dispose() { }
}
