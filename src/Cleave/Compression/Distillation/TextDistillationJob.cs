using Cleave.Formats.Durable;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Kernels;
using Cleave.Training;
using Cleave.Training.Distillation;

namespace Cleave.Compression.Distillation;

/// <summary>A model and what its user calls it.</summary>
public sealed record NamedModel(string Name, LanguageModel Model);

/// <summary>One distillation on a text.</summary>
/// <param name="Output">The folder of the student.</param>
public sealed record TextDistillationRequest(string Output, TextDistillationOptions Options)
{
    /// <summary>T of the soft targets.</summary>
    public double Temperature { get; init; } = 2;

    /// <summary>Of the teachers' probabilities; empty for all alike.</summary>
    public IReadOnlyList<double> TeacherWeights { get; init; } = [];

    /// <summary>What the student keeps of the first teacher, where it is not a model of its own.</summary>
    public StudentPlan? Plan { get; init; }

    /// <summary>A file that the teachers' predictions are read from, and made in where it is absent; null to run the teachers in every update.</summary>
    public string? Predictions { get; init; }

    /// <summary>How many of the likeliest tokens such a file keeps.</summary>
    public int Top { get; init; } = 64;

    public bool Resume { get; init; }
    public bool Force { get; init; }
}

/// <summary>What a distillation gave.</summary>
/// <param name="Layers">The first teacher's layers that the student began as, or null.</param>
public sealed record TextDistillationOutcome(LanguageModel Student, TextDistillationResult Result, int[]? Layers);

/// <summary>Makes or takes a student, lets it learn a text from its teachers, and writes it as a folder.</summary>
/// <param name="say">Takes remarks for people.</param>
public sealed class TextDistillationJob(TextDistillationRequest request, Action<string> say, IProgress<ProgressReport>? progress, CancellationToken cancel)
{
    /// <param name="student">A model to train, or null to make one by <see cref="TextDistillationRequest.Plan"/>.</param>
    /// <param name="text">What is learnt from.</param>
    /// <exception cref="CleaveException">The models do not go together, the text is too short, or the loss diverged.</exception>
    public TextDistillationOutcome Run(IReadOnlyList<NamedModel> teachers, NamedModel? student, string text)
    {
        ArgumentNullException.ThrowIfNull(teachers);
        ArgumentNullException.ThrowIfNull(text);
        foreach (NamedModel other in student is null ? teachers.Skip(1) : teachers.Skip(1).Append(student))
            SharedVocabulary.Require(teachers[0].Name, teachers[0].Model.Tokenizer, other.Name, other.Model.Tokenizer);
        int[] tokens = teachers[0].Model.Tokenizer.Encode(text);
        using var live = new LiveTeachers([.. teachers.Select(t => t.Model.Transformer)], (float)request.Temperature, request.TeacherWeights);
        using var folder = new RunFolder(request.Output, request.Resume, request.Force);
        (Transformer trunk, int[]? layers) = student is not null ? (DenseCopy.Of(student.Model.Transformer, student.Name), (int[]?)null)
            : StudentMaker.Make(teachers[0].Model.Transformer, teachers[0].Name, request.Plan!, tokens, progress, cancel);
        using TeacherFile? kept = Predictions(live, teachers[0], tokens);
        TextDistillationResult result = new TextDistiller(request.Options, (ITextTeacher?)kept ?? live, tokens, folder.Path).Run(trunk, progress, cancel);
        LanguageModel model = (student ?? teachers[0]).Model with { Transformer = trunk, Heads = [] };
        bool half = (student ?? teachers[0]).Model.Transformer.Weights().Any(w => w.Weight is HalfLinear { Weight.Format: HalfFormat.BFloat16 });
        AtomicFolder.Create(request.Output, into => ModelFolder.Save(into, model, half ? WeightType.BF16 : WeightType.F32), request.Force || request.Resume);
        folder.Finish();
        return new TextDistillationOutcome(model, result, layers);
    }

    private TeacherFile? Predictions(LiveTeachers live, NamedModel teacher, int[] tokens)
    {
        if (request.Predictions is not { } path)
            return null;
        TeacherFileHeader plan = TeacherFileWriter.Plan(live, teacher.Model.Tokenizer, tokens, request.Options.Context, request.Top);
        if (!File.Exists(path))
        {
            say($"{path}: will take {ByteSize.Text(plan.FileBytes)} for {plan.Windows * plan.Window} tokens, {plan.Top} of {plan.Vocabulary} probabilities each");
            TeacherFileWriter.Write(path, plan, live, tokens, request.Options.Batch, progress, cancel);
        }
        return TeacherFile.Open(path, plan);
    }
}
