using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Numerics;
using Cleave.Splitting.Recipes;
using Cleave.Training;
using Cleave.Training.FineTuning;
using Cleave.Training.FineTuning.Options;
using Cleave.Training.Optimizers;
using Cleave.Training.Schedules;

namespace Cleave.Splitting.Studies;

/// <summary>Trains a transformer student on its task's items and on what the monolith says about them.</summary>
/// <param name="seed">Of everything random.</param>
internal sealed class StudentTrainer(TaskContext task, ulong seed)
{
    /// <param name="quality">Of a model, after each epoch.</param>
    /// <param name="onEpoch">Returns false to give the student up.</param>
    /// <returns>False where it was given up.</returns>
    /// <exception cref="CleaveException">The loss diverged, or the model does not have what is to be trained.</exception>
    public bool Run(Student student, TransformerRecipe recipe, Func<LanguageModel, double> quality, Func<CandidatePoint, bool> onEpoch)
    {
        FineTuneOptions options = recipe.Training;
        Transformer trunk = student.Model.Transformer;
        TaskHead? head = student.Model.Head(task.Name);
        var batches = new TaskBatches(student.Items, options.BatchTokens, seed, options.Sampling);
        List<(int Epoch, IReadOnlyList<TaskItem> Items)> plan = [.. Enumerable.Range(0, options.Epochs).SelectMany(e => batches.Epoch(e).Select(b => (e, b)))];
        var weights = TrainableWeights.Of(trunk, head, options, seed);
        TrainingNoise noise = Noise(options);
        trunk.TrainingNoise = noise.IsNone ? null : noise;
        trunk.TrainingMemory = options.Memory;
        weights.Adapter?.Use(trunk.TrainingNoise);
        using Optimizer optimizer = OptimizerBuilder.Build(options.Optimizer, weights.Parameters, trunk);
        using WeightAverage? average = options.Ema > 0 ? WeightAverage.Exponential(weights.Parameters, options.Ema) : null;
        int updates = Math.Max(1, plan.Count / options.Accumulate);
        ISchedule schedule = ScheduleBuilder.Build(options.Schedule, options.PeakLearningRate, updates);
        var objective = new TaskObjective(task.Kind, trunk, head, (float)options.LabelSmoothing, Classes(options, student, head));
        var shares = new UpdateShares([.. plan.Select(p => p.Items)], options.Accumulate, objective.Count);
        ItemNoise items = Varied(options, student);
        var distillation = new DistillationOptions(recipe.SoftWeight, recipe.Temperature);
        double sum = 0;
        int count = 0;
        bool gaveUp = false;
        new Trainer(optimizer, schedule, options.Accumulate).Run((tape, step, micro) =>
        {
            int at = (step * options.Accumulate + micro) % plan.Count;
            LossShare share = shares.Of(step, micro);
            noise.Begin(step, micro);
            return share.Classes * options.Accumulate * objective.Loss(tape, items.Apply(plan[at].Items, at), share, recipe.SoftWeight > 0 ? item => student.Teacher[item.Example] : null, distillation);
        }, step =>
        {
            noise.End();
            average?.After(step.Step);
            sum += step.Loss;
            count++;
            int next = step.Step * options.Accumulate, epoch = plan[next - options.Accumulate].Epoch;
            bool endOfEpoch = step.Step == updates || plan[next].Epoch != epoch;
            if (!endOfEpoch)
                return true;
            average?.Weights.Swap();
            gaveUp = !onEpoch(new CandidatePoint(epoch + 1, sum / count, quality(student.Model)));
            average?.Weights.Swap();
            (sum, count) = (0, 0);
            return !gaveUp;
        });
        average?.Weights.Give();
        trunk.TrainingNoise = null;
        weights.Adapter?.Merge();
        return !gaveUp;
    }

    private ItemNoise Varied(FineTuneOptions options, Student student)
    {
        ulong own = task.Seed(seed, "study");
        // A student with a smaller vocabulary has tokens of its own.
        TaskEncoder encoder = ReferenceEquals(student.Items, task.Train) ? task.Encoder : new TaskEncoder(task.Kind, student.Model, task.Data.Labels, task.MaxTokens);
        return new ItemNoise(task.TextNoise(options.Text), task.Data.Train, encoder, new TokenDropout(options.TokenDropout, student.Model.Transformer.Spec.VocabularySize, own), own);
    }

    private TrainingNoise Noise(FineTuneOptions options) => new(Rng.For(task.Seed(seed, "study"), "noise").NextUInt64())
    {
        Attention = (float)options.AttentionDropout,
        Residual = (float)options.ResidualDropout,
        Layers = (float)options.LayerDrop,
        Adapters = (float)options.AdapterDropout,
    };

    private static ClassLossOptions? Classes(FineTuneOptions options, Student student, TaskHead? head) =>
        head is null || options.Loss != LossKind.Focal && !options.BalanceClasses && options.ClassWeights.Length == 0 ? null
            : new ClassLossOptions(options.ClassWeights.Length > 0 ? StatedWeights.Of(options.ClassWeights, head.Labels) : options.BalanceClasses ? FineTuneData.BalancedWeights(student.Items, head.Labels.Count) : [], options.Loss == LossKind.Focal ? (float)options.Focus : 0);
}
