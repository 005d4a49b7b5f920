using Cleave.Compression.Distillation;
using Cleave.Compression.Pruning;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Numerics;
using Cleave.Splitting.Modules;
using Cleave.Training.Distillation;
using Cleave.Training.FineTuning;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Splitting.SingleTask;

/// <summary>How a module teaches a task.</summary>
/// <param name="Teacher">The module's folder.</param>
/// <param name="Plan">Which of its layers the student begins as; null where the student is a model of its own.</param>
/// <param name="Answers">Whether what it writes takes the place of the training items' answers (Kim and Rush, 2016).</param>
public sealed record TaskTeaching(string Teacher, DistillationOptions Options, StudentPlan? Plan, bool Answers);

/// <summary>A module at work as a teacher: it reads the training items once.</summary>
internal sealed class TaskTeacher : IDisposable
{
    private readonly TaskTeaching _teaching;
    private readonly IReadOnlyList<ITaskModule> _modules;
    private readonly ITaskModule _module;

    /// <exception cref="CleaveException">The module does not answer for the task, or the training's options leave no place for a teacher.</exception>
    public TaskTeacher(TaskTraining training)
    {
        FineTuneOptions options = training.Options;
        _teaching = training.Teaching!;
        if (options.Method != FineTuneMethod.Full || options.Loss != LossKind.CrossEntropy || options.BalanceClasses)
            throw new CleaveException("a student learns with all its weights and by cross-entropy: take method, loss and balance-classes out of the project's training section");
        if (options.Mixup > 0)
            throw new CleaveException("a student learns from the teacher's answers, which are not mixed: take mixup out of the project's training section");
        if (_teaching.Options.Weight == 0 && !_teaching.Answers)
            throw new CleaveException("nothing would be learnt from the teacher: give --soft a weight above 0, or --answers");
        if (_teaching.Answers && training.Source.Kind != TaskKind.Generate)
            throw new CleaveException("--answers is for tasks of the kind generate: other answers are in the teacher's distributions already");
        _modules = ModuleFolder.Load(_teaching.Teacher);
        ITaskModule[] able = [.. _modules.Where(m => m.Kind == training.Source.Kind)];
        _module = able.FirstOrDefault(m => m.Task == training.Source.Name) ?? (able is [var only] ? only
            : throw new CleaveException($"{_teaching.Teacher}: answers for {string.Join(", ", _modules.Select(m => $"{m.Task} ({m.Kind})"))}, not for {training.Source.Name} ({training.Source.Kind}); make a teacher with 'cleave train' or 'cleave split'"));
    }

    /// <summary>The student that begins as a part of the teacher; null where it is a model of its own.</summary>
    /// <exception cref="CleaveException">The teacher has no such part.</exception>
    public LanguageModel? Student(CancellationToken cancel)
    {
        if (_teaching.Plan is not { } plan)
            return null;
        if (_module is not TransformerModule { Beside: null, Model: { Transformer.Encoder: null } model })
            throw new CleaveException($"{_teaching.Teacher}: is not one stack of layers of which some could be kept; give the student with --student");
        if (LayerPruner.NeedsText(plan.By) || plan.Groups is not null || plan.Neurons is not null)
            throw new CleaveException("--heads, --neurons and --by loss or influence look at a text: for a task make the student with 'cleave prune', and give it with --student");
        return model with { Transformer = StudentMaker.Make(model.Transformer, _teaching.Teacher, plan, [], null, cancel).Student, Heads = [] };
    }

    /// <summary>The task with what the teacher says about its training items.</summary>
    /// <param name="items">As the student reads them.</param>
    /// <exception cref="CleaveException">Teacher and student do not go together.</exception>
    public FineTuneData Teach(FineTuneData items, TaskDataset data, LanguageModel student, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        progress?.Report(new ProgressReport("teacher reads", 0, data.Train.Count, "items"));
        IReadOnlyList<TaskItem> train = items.Train;
        if (_teaching.Answers)
        {
            IReadOnlyList<Prediction> answers = _module.Predict(data.Train, cancel);
            train = [.. data.Train.Select((e, i) => items.Encoder.Encode(e with { Target = answers[i].Text }, i))];
        }
        if (_teaching.Options.Weight == 0)
            return items.Taught(train, null);
        IReadOnlyList<TeacherTargets> targets = _module is IClassifierModule classifier && items.Kind == TaskKind.Classify ? Classes(classifier, data, cancel) : Rows(items, train, student, cancel);
        return items.Taught(train, new TaskLesson(targets, _teaching.Options) { Head = items.HasHead && _teaching.Plan is not null ? SameHead(items, student) : null });
    }

    public void Dispose()
    {
        foreach (ITaskModule module in _modules)
            module.Dispose();
    }

    // A label is a label, whatever the tokens: any classifier can teach any other.
    private TeacherTargets[] Classes(IClassifierModule classifier, TaskDataset data, CancellationToken cancel)
    {
        RequireLabels(classifier.Labels, data.Labels);
        int[] order = [.. data.Labels.Select(l => classifier.Labels.ToList().IndexOf(l))];
        return [.. classifier.Logits(data.Train, cancel).Select(logits => new TeacherTargets([.. order.Select(i => logits[i])], order.Length))];
    }

    private TeacherTargets[] Rows(FineTuneData items, IReadOnlyList<TaskItem> train, LanguageModel student, CancellationToken cancel)
    {
        if (_module is not TransformerModule teacher)
            throw new CleaveException($"{_teaching.Teacher}: is an n-gram classifier, which has nothing to say about single tokens");
        SharedVocabulary.Require(_teaching.Teacher, teacher.Model.Tokenizer, "the student", student.Tokenizer);
        if (teacher.Model.Transformer.Encoder is null != student.Transformer.Encoder is null)
            throw new CleaveException($"{_teaching.Teacher}: one of teacher and student is an encoder with a decoder, the other is not: they read answers differently; learn the answers alone, with --answers --soft 0");
        if (items.HasHead)
            RequireLabels(teacher.Model.Head(teacher.Task)!.Labels, items.Encoder.Scheme!.Tags, inOrder: true);
        return teacher.Teach(train, cancel);
    }

    private void RequireLabels(IReadOnlyList<string> teacher, IReadOnlyList<string> data, bool inOrder = false)
    {
        if (inOrder ? teacher.SequenceEqual(data) : teacher.Count == data.Count && teacher.ToHashSet().SetEquals(data))
            return;
        string only = data.Except(teacher).Select(l => $"the data's '{l}' is not among the teacher's").Concat(teacher.Except(data).Select(l => $"the teacher's '{l}' is not in the data")).FirstOrDefault() ?? "they are in another order";
        throw new CleaveException($"{_teaching.Teacher}: teacher and data have different labels ({only}); teach with the data that the teacher was trained on, or train another teacher");
    }

    private TaskHead? SameHead(FineTuneData items, LanguageModel student)
    {
        TaskHead own = items.NewHead(student.Transformer.Spec.Width, 0);
        return _module is TransformerModule { Model: var model, Task: var task } && model.Head(task) is { } head && head.Kind == own.Kind && head.Labels.SequenceEqual(own.Labels)
            && head.Pooling == own.Pooling && head.Causal == own.Causal ? head : null;
    }
}
