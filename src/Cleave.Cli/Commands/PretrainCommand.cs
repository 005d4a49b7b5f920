using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Cleave.Cli.Shell;
using Cleave.Models;
using Cleave.Training.Pretraining;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave pretrain</c>: text → tokenizer → base model.</summary>
internal static class PretrainCommand
{
    private static readonly Argument<string> Project = new("PROJECT") { Description = "A folder with a pretrain.yaml, or the file itself." };

    public static Verb Create() => new Verb("pretrain", "Train a base model and its tokenizer from text.")
    {
        Project, SharedOptions.Out, SharedOptions.Resume, SharedOptions.Force, SharedOptions.Threads, SharedOptions.Json,
    }
    .Example("cleave pretrain bench/starter --out models/starter", "the starter model from its recipe")
    .Example("cleave pretrain bench/starter --out models/starter --resume", "continue after an interruption; the result is the same")
    .Runs(Run);

    private static int Run(Call call)
    {
        PretrainProject project = PretrainProject.Load(call.Get(Project));
        string output = call.OutPath(), work = output + ".work";
        var trainer = new Pretrainer(project, work);
        if (trainer.HasState && !call.Resume && !call.Force)
            throw new CleaveException($"{work}: an unfinished run is there; continue it with --resume, or start over with --force");
        if (call.Force && !call.Resume && Directory.Exists(work))
            Directory.Delete(work, recursive: true);
        call.Say($"{project.Name}: {project.Model.Parameters:N0} parameters, {project.Tokens:N0} tokens in {project.Updates:N0} updates; state in {work}");
        long start = Stopwatch.GetTimestamp();
        PretrainResult result;
        using (ProgressLine progress = call.Progress())
            result = trainer.Run(progress, call.Cancel);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        ModelFolder.Save(output, result.Model, WeightType.BF16);
        Directory.Delete(work, recursive: true);
        if (call.Json)
        {
            call.WriteJson(w =>
            {
                w.WriteStartObject();
                w.WriteString("model", output);
                w.WriteNumber("parameters", result.Model.Parameters);
                w.WriteNumber("tokens", result.Tokens);
                w.WriteNumber("train_loss", result.TrainLoss);
                w.WriteNumber("validation_loss", result.ValidationLoss);
                w.WriteNumber("bits_per_byte", result.BitsPerByte);
                w.WriteNumber("seconds", seconds);
                w.WriteEndObject();
            });
        }
        else
        {
            call.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{output}: validation loss {result.ValidationLoss:0.0000} (perplexity {Math.Exp(result.ValidationLoss):0.00}, {result.BitsPerByte:0.000} bits per byte), {seconds:0} s"));
        }
        return Exit.Done;
    }
}
