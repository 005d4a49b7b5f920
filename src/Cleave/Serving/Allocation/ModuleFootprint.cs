using Cleave.Data;
using Cleave.Numerics.Kernels;

namespace Cleave.Serving.Allocation;

/// <summary>What one module takes of a machine, as it was measured there.</summary>
/// <param name="Name">A task's, or <c>monolith</c>, or a model's.</param>
/// <param name="WeightBytes">In memory.</param>
/// <param name="PageBytes">Of the keys and values of <see cref="KeyValuePages.PagePositions"/> positions; 0 where it keeps none.</param>
/// <param name="ContextTokens">Of its longest text with the answer; 0 where there is no limit.</param>
/// <param name="LoadMilliseconds">From the files to the first answer.</param>
/// <param name="TakesTurns">Whether it computes with all threads, one module after the other; else with one thread beside the others.</param>
/// <param name="Reading">Milliseconds of a pass by the tokens (for a module without tokenizer: words) that it reads.</param>
/// <param name="Writing">Milliseconds of a step that makes one token of each sequence, by sequences; null where it does not write.</param>
public sealed record ModuleFootprint(string Name, TaskKind Kind, long WeightBytes, long PageBytes, int ContextTokens, double LoadMilliseconds, bool TakesTurns, CostCurve Reading, CostCurve? Writing)
{
    /// <summary>Whether answers are made token by token.</summary>
    public bool Writes => Writing is not null;

    /// <summary>Milliseconds of a step that makes a token of some sequences and reads some tokens of prompts.</summary>
    public double Step(int writing, int reading) =>
        Writing is null ? Reading.At(reading) : Writing.At(writing) + (reading == 0 ? 0 : Reading.At(writing + reading) - Reading.At(writing));

    /// <summary>Bytes of the keys and values of a sequence.</summary>
    public long KeyValueBytes(int tokens) => (tokens + KeyValuePages.PagePositions - 1L) / KeyValuePages.PagePositions * PageBytes;

    /// <summary>Seconds of all threads that a request takes where so many are computed together.</summary>
    /// <param name="together">Sequences of a step, or texts of a pass.</param>
    public double Seconds(int promptTokens, int completionTokens, int together)
    {
        double read = Reading.At(promptTokens * together) / together;
        return (Writing is null ? read : read + Math.Max(0, completionTokens - 1) * Writing.At(together) / together) / 1000;
    }
}
