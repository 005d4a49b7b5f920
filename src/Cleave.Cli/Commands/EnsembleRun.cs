using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Cleave.Cli.Shell;
using Cleave.Evaluation.Energy;
using Cleave.Splitting.Ensembles;
using Cleave.Splitting.SingleTask;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave train --ensemble</c>: several models for one task, and what they come to.</summary>
internal static class EnsembleRun
{
    public static int Train(Call call, TaskTraining training, EnsembleOptions options, EnergyOptions power, PriceTable? prices)
    {
        using var meter = new EnergyMeter(power);
        long start = Stopwatch.GetTimestamp();
        EnsembleResult result;
        using (ProgressLine progress = call.Progress())
            result = new EnsembleTrainer(training, options).Run(progress, call.Cancel);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        EnergyUse energy = meter.Used;
        if (call.Json)
        {
            call.WriteJson(w => WriteJson(w, training, options, result, seconds, energy, prices));
            return Exit.Done;
        }
        call.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{training.Output}: {training.Source.Name}: {options.Name}: {training.Metric.Name} {result.Quality}, {seconds:0} s, {EnergyFigures.Show(energy, prices)}"));
        call.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{Format.Count(result.Parameters)} weights, {Format.Bytes(result.Bytes)}, {result.MillisecondsPerItem:0.###} ms an item{(options.IsSoup ? "" : $", {result.Members.Count} members together")}"));
        call.Out.WriteLine($"the best member alone: {training.Metric.Name} {result.Best}");
        var table = new TextTable("member", "validation", options.Method == EnsembleMethod.Boosting ? "vote" : "counts", "size");
        foreach (EnsembleMember member in result.Members)
            table.Row(member.Name, member.Validation.ToString("0.0000", CultureInfo.InvariantCulture), member.Weight.ToString("0.###", CultureInfo.InvariantCulture), Format.Bytes(member.Bytes));
        table.Write(call.Out);
        return Exit.Done;
    }

    private static void WriteJson(Utf8JsonWriter w, TaskTraining training, EnsembleOptions options, EnsembleResult result, double seconds, EnergyUse energy, PriceTable? prices)
    {
        w.WriteStartObject();
        w.WriteString("method", options.Name);
        w.WriteNumber("parameters", result.Parameters);
        w.WriteNumber("weights_bytes", result.Bytes);
        w.WriteNumber("ms", result.MillisecondsPerItem);
        MetricFigures.Write(w, training.Metric, result.Quality);
        w.WriteNumber("best_member", result.Best.Value);
        w.WriteNumber("seconds", seconds);
        EnergyFigures.Write(w, energy, prices);
        w.WriteString("out", training.Output);
        w.WriteStartArray("members");
        foreach (EnsembleMember member in result.Members)
        {
            w.WriteStartObject();
            w.WriteString("name", member.Name);
            w.WriteNumber("validation", member.Validation);
            w.WriteNumber("weight", member.Weight);
            w.WriteNumber("weights_bytes", member.Bytes);
            w.WriteEndObject();
        }
        w.WriteEndArray();
        w.WriteEndObject();
    }
}
