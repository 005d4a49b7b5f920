using Cleave.Training.FineTuning;
using Cleave.Training.Schedules;

namespace Cleave.Training.Distillation;

/// <summary>How a student learns a text from a teacher: (1 − Soft)·hard + Soft·T²·KL + Hidden·states + Attention·relations.</summary>
public sealed record TextDistillationOptions
{
    /// <summary>Updates of <see cref="Batch"/> windows each.</summary>
    public int Updates { get; init; } = 1000;

    /// <summary>The highest, after a twentieth of the updates; then a cosine to nothing.</summary>
    public double LearningRate { get; init; } = 3e-4;

    /// <summary>Windows of an update.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>Tokens of a window, at most what the models read.</summary>
    public int Context { get; init; } = 256;

    /// <summary>α, the share of the teacher's distributions in the loss on the vocabulary, from 0 to 1.</summary>
    public double Soft { get; init; } = 0.5;

    /// <summary>Whether the soft part is KL(student ‖ teacher) in place of KL(teacher ‖ student).</summary>
    public bool Reverse { get; init; }

    /// <summary>
    /// λ, the share of windows whose second half the student writes itself and the teacher judges (Agarwal et al., 2024), from 0 to 1.
    /// </summary>
    public double OnPolicy { get; init; }

    /// <summary>Weight of the loss on the layers' outputs, 0 for none.</summary>
    public double Hidden { get; init; }

    /// <summary>Weight of the loss on how queries, keys and values relate tokens, 0 for none.</summary>
    public double Attention { get; init; }

    /// <summary>The teacher's layer, from 1, whose relations are learnt; 0 for the last.</summary>
    public int RelationLayer { get; init; }

    public ulong Seed { get; init; } = 7;

    /// <summary>Whether the teacher's inner states are looked at.</summary>
    public bool MatchesStates => Hidden > 0 || Attention > 0;

    internal DistillationOptions Targets(float temperature) => new((float)Soft, temperature);

    internal CosineSchedule Schedule => new(LearningRate, Math.Max(1, Updates / 20), Updates);
}
