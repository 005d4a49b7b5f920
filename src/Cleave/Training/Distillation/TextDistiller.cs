using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;
using Cleave.Training.Optimizers;

namespace Cleave.Training.Distillation;

/// <summary>The parts of one update's loss, in nats a token where they are likelihoods; not a number for what is not learnt from.</summary>
/// <param name="Hard">On the true tokens.</param>
/// <param name="Divergence">From the teacher, at its temperature.</param>
/// <param name="Hidden">Of the layers' outputs, in mean squares of the teacher's.</param>
/// <param name="Attention">Of the relations, summed over queries, keys and values.</param>
public readonly record struct DistillationLoss(double Hard, double Divergence, double Hidden, double Attention);

/// <summary>What a distillation came to.</summary>
/// <param name="Last">Of the last update; null where none was left to make.</param>
public sealed record TextDistillationResult(int Updates, DistillationLoss? Last);

/// <summary>
/// Trains a student to predict a text as its teacher does. State is kept in a work folder every few updates; a run that finds its own state
/// there continues it, and ends with the bits of one that never stopped.
/// </summary>
/// <param name="teacher">Of the student's vocabulary.</param>
/// <param name="tokens">The text.</param>
/// <param name="workFolder">Where the checkpoint is kept.</param>
public sealed class TextDistiller(TextDistillationOptions options, ITextTeacher teacher, int[] tokens, string workFolder)
{
    private const int CheckpointEvery = 100;

    private readonly DistillationBatch _batch = new(tokens, Math.Min(options.Context, teacher.ContextLength), options, moving: !teacher.NeedsFixedCuts);
    private readonly TextTargets? _soft = options.Soft > 0 ? new TextTargets(teacher, options.Targets(teacher.Temperature), options.Reverse) : null;

    /// <summary>The checkpoint's file.</summary>
    public string CheckpointPath => RunFolder.CheckpointIn(workFolder);

    /// <param name="student">Of float32 matrices; trained in place.</param>
    /// <exception cref="CleaveException">Student and teacher do not go together, or the text is too short.</exception>
    /// <exception cref="DivergedException">The loss became infinite or not a number; the last good checkpoint stays.</exception>
    public TextDistillationResult Run(Transformer student, IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(student);
        Check(student);
        RequireMemory(student);
        using StateMatching? matching = options.MatchesStates ? new StateMatching(student, teacher.Model!, options) : null;
        string fingerprint = Fingerprint(student);
        using var optimizer = new Optimizer(new ParameterGroup([.. student.Parameters(), .. matching?.Parameters ?? []], new Adam()));
        if (File.Exists(CheckpointPath))
            Checkpoint.Load(CheckpointPath, optimizer, fingerprint);
        void Save()
        {
            optimizer.RequireFinite();
            Checkpoint.Save(CheckpointPath, optimizer, fingerprint);
        }
        DistillationLoss parts = default;
        bool any = false;
        try
        {
            new Trainer(optimizer, options.Schedule).Run((tape, step, _) => Loss(student, matching, tape, step, out parts), step =>
            {
                any = true;
                if (step.Step % CheckpointEvery == 0 || step.Step == options.Updates)
                    Save();
                progress?.Report(new ProgressReport("distill", step.Step, options.Updates, "updates", Note(parts)));
                return true;
            }, cancellation);
        }
        catch (DivergedException e) when (File.Exists(CheckpointPath))
        {
            throw Checkpoint.Kept(e, CheckpointPath);
        }
        catch (OperationCanceledException) when (any)
        {
            Save(); // it came between two updates
            throw;
        }
        return new TextDistillationResult(optimizer.Step, any ? parts : null);
    }

    /// <summary>Runs both on an update's windows and records the student's loss.</summary>
    private double Loss(Transformer student, StateMatching? matching, Tape tape, int step, out DistillationLoss parts)
    {
        _batch.Fill(step, student);
        matching?.Start();
        teacher.Read(_batch.Tokens, _batch.Starts, matching?.Teacher);
        _soft?.Start(_batch.Own);
        Tensor hidden = student.Forward(tape, _batch.Tokens, observer: matching?.Student);
        double loss = student.Loss(tape, hidden, _batch.Targets, teacher: _soft);
        (double hard, double divergence) = _soft?.Means() ?? (loss, double.NaN);
        (double states, double relations) = matching?.Loss(tape, _batch.Tokens) ?? (0, 0);
        parts = new DistillationLoss(hard, divergence, options.Hidden > 0 ? states : double.NaN, options.Attention > 0 ? relations : double.NaN);
        return loss + options.Hidden * states + options.Attention * relations;
    }

    private void Check(Transformer student)
    {
        student.RequireContinuation();
        student.RequireOneStack();
        if (student.Spec.VocabularySize != teacher.VocabularySize)
            throw new CleaveException($"the student has {student.Spec.VocabularySize} tokens and the teacher {teacher.VocabularySize}: a distribution can be learnt only over the same tokens");
        if (_batch.Context > student.Spec.ContextLength)
            throw new CleaveException($"windows of {_batch.Context} tokens are longer than the student's context of {student.Spec.ContextLength}; shorten them with --context");
        if (options.MatchesStates && teacher.Model is null)
            throw new CleaveException("--hidden and --attention look into one teacher as it reads: give a single teacher, and no kept predictions");
        if (options.OnPolicy > 0 && (options.Soft == 0 || teacher.NeedsFixedCuts))
            throw new CleaveException("--on-policy lets the teacher judge what the student writes: give --soft a weight above 0, and no kept predictions");
        if (options.Soft == 0 && !options.MatchesStates)
            throw new CleaveException("nothing would be learnt from the teacher: give --soft, --hidden or --attention a weight above 0");
    }

    private void RequireMemory(Transformer student)
    {
        const int Rows = 128; // of logits at once, see Op.LinearCrossEntropy
        long activations = student.TrainingMemory.Activations(student.Spec, _batch.Targets.Length), logits = 3L * Rows * teacher.VocabularySize * sizeof(float);
        MemoryPlan.Require(activations + logits + 12 * student.Spec.Parameters, $"distilling on {_batch.Targets.Length} tokens at once", "lower --batch or --context");
    }

    private string Fingerprint(Transformer student)
    {
        // Another rate may continue a run; anything else is another run.
        string all = string.Join('|', options with { LearningRate = 0 }, teacher.Temperature, teacher.Fingerprint, ModelFingerprint.Of(student), ModelFingerprint.Of(tokens));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all)));
    }

    private static string Note(DistillationLoss x) => string.Join(", ", new[] { ("loss", x.Hard), ("divergence", x.Divergence), ("states", x.Hidden), ("relations", x.Attention) }
        .Where(p => !double.IsNaN(p.Item2)).Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Item1} {p.Item2:0.000}")));
}
