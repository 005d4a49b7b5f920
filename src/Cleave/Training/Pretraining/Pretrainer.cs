using System.Security.Cryptography;
using System.Text;
using Cleave.Formats.TensorBoard;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Training.Optimizers;
using Cleave.Training.Schedules;

namespace Cleave.Training.Pretraining;

/// <summary>What a pre-training run came to.</summary>
/// <param name="ValidationLoss">Nats a token on the held-out text.</param>
/// <param name="BitsPerByte">The same, independent of the tokenizer.</param>
/// <param name="TrainLoss">Of the last update.</param>
public sealed record PretrainResult(LanguageModel Model, int Updates, long Tokens, double TrainLoss, double ValidationLoss, double BitsPerByte);

/// <summary>
/// Trains a base model from text: tokenizer, tokens, then AdamW over windows of text. State is kept in a work folder
/// after every few updates; a run that finds its own state there continues it, and ends with the same weights as one
/// that was never interrupted.
/// </summary>
public sealed class Pretrainer(PretrainProject project, string workFolder)
{
    private const string EventsFolder = "events";

    /// <summary>Whether the work folder holds a run to continue.</summary>
    public bool HasState => File.Exists(RunFolder.CheckpointIn(workFolder));

    public PretrainResult Run(IProgress<ProgressReport>? progress = null, CancellationToken cancellation = default)
    {
        Directory.CreateDirectory(workFolder);
        PretrainCorpus corpus = PretrainCorpus.Load(project, workFolder, progress, cancellation);
        var stream = new TokenStream(corpus.Train, project.Model.ContextLength, project.Seed);
        Transformer model = Transformer.Create(project.Model, Rng.For(project.Seed, "initial weights"));
        model.TrainingMemory = project.Memory;
        MemoryPlan.Require(project.Memory.Activations(project.Model, (long)project.Batch * project.Model.ContextLength) + 12 * project.Model.Parameters,
            $"training on {project.Batch} sequences of {project.Model.ContextLength} tokens at once", "lower 'training.batch' and raise 'training.accumulate', or set 'training.recompute: true'");
        using var optimizer = new Optimizer(new ParameterGroup([.. model.Parameters()], new Adam()) { WeightDecay = (float)project.WeightDecay });
        var schedule = new CosineSchedule(project.LearningRate, Math.Max(1, (int)(project.Warmup * project.Updates)), project.Updates, project.FinalShare);
        string fingerprint = Fingerprint(corpus), checkpoint = RunFolder.CheckpointIn(workFolder);
        if (HasState)
            Checkpoint.Load(checkpoint, optimizer, fingerprint);
        using var events = new EventWriter(Path.Combine(workFolder, EventsFolder));
        double validation = double.NaN, train = double.NaN;
        var batch = new TokenBatch();
        var trainer = new Trainer(optimizer, schedule, project.Accumulate);
        trainer.Run((tape, step, micro) => Loss(model, stream, batch, tape, step, micro), step =>
        {
            train = step.Loss;
            events.Scalar("train/loss", step.Loss, step.Step);
            events.Scalar("train/learning_rate", step.LearningRate, step.Step);
            events.Scalar("train/gradient_norm", step.GradientNorm, step.Step);
            bool last = step.Step == project.Updates;
            if (last || step.Step % project.ValidateEvery == 0)
                events.Scalar("validation/loss", validation = ValidationLoss(model, corpus), step.Step);
            if (last || step.Step % project.CheckpointEvery == 0)
            {
                events.Flush();
                Checkpoint.Save(checkpoint, optimizer, fingerprint);
            }
            progress?.Report(new ProgressReport("train", (double)step.Step * project.TokensPerUpdate, (double)project.Updates * project.TokensPerUpdate,
                "tokens", double.IsNaN(validation) ? $"loss {train:0.000}" : $"loss {train:0.000}, validation {validation:0.000}"));
            return true;
        }, cancellation);
        if (double.IsNaN(validation)) // nothing was left to train
            validation = ValidationLoss(model, corpus);
        double bitsPerByte = validation * (corpus.Validation.Length - 1) / Math.Log(2) / corpus.ValidationBytes;
        return new PretrainResult(new LanguageModel(model, corpus.Tokenizer, []), optimizer.Step,
            (long)optimizer.Step * project.TokensPerUpdate, train, validation, bitsPerByte);
    }

    private double Loss(Transformer model, TokenStream stream, TokenBatch batch, Tape tape, int step, int micro)
    {
        int context = project.Model.ContextLength;
        Span<int> targets = new int[project.Batch * context];
        batch.Clear();
        for (int b = 0; b < project.Batch; b++)
        {
            ReadOnlySpan<int> window = stream.Window(((long)step * project.Accumulate + micro) * project.Batch + b);
            batch.Add(window[..^1]);
            window[1..].CopyTo(targets[(b * context)..]);
        }
        return model.Loss(tape, model.Forward(tape, batch), targets, weight: 1f / project.Accumulate);
    }

    /// <summary>Mean loss over the whole held-out text in windows, each token predicted once.</summary>
    private double ValidationLoss(Transformer model, PretrainCorpus corpus)
    {
        using var tape = new Tape(records: false);
        return Perplexity.MeanLoss(model, corpus.Validation, project.Model.ContextLength, tape);
    }

    private string Fingerprint(PretrainCorpus corpus)
    {
        string all = string.Join('|', project.Seed, project.Model with { Layers = [] }, string.Join(';', project.Model.Layers), project.Tokens,
            project.Batch, project.Accumulate, project.LearningRate, project.Warmup, project.FinalShare, project.WeightDecay, corpus.Fingerprint())
            + (project.Memory.BFloat16 ? "|bfloat16 activations" : ""); // recomputing changes nothing
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all)));
    }
}
