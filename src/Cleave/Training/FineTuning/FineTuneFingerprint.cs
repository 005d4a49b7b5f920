using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Tensors;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Training.FineTuning;

/// <summary>Identifies what a checkpoint is a state of: model, items, method and seed. Rates and penalties may change from one part of a run to the next.</summary>
internal static class FineTuneFingerprint
{
    public static string Of(FineTuneOptions options, FineTuneData data, FineTuneRun run, ulong seed)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        string choices = string.Join('|', seed, data.Task, data.Kind, options.Method, options.LastLayers, options.Rank, options.RankStabilized, options.Alpha, string.Join(',', options.Targets),
            options.QuantizeBase, options.Optimizer.Name, options.Optimizer.Momentum is 0, options.Epochs, options.BatchTokens, options.Accumulate, options.MaxTokens, options.Loss,
            options.Sampling, options.Ema > 0, options.Swa > 0, options.EarlyStop > 0, string.Join('\n', data.Labels));
        hash.AppendData(Encoding.UTF8.GetBytes(choices));
        foreach (TaskItem item in data.Train.Concat(data.Validation))
        {
            hash.AppendData(MemoryMarshal.AsBytes(item.Ids.AsSpan()));
            hash.AppendData(MemoryMarshal.AsBytes(item.Targets.AsSpan()));
        }
        if (data.Lesson is { } lesson)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(lesson.Options.ToString()));
            foreach (TeacherTargets targets in lesson.Targets)
                hash.AppendData(MemoryMarshal.AsBytes(targets.AllLogits));
        }
        var row = Array.Empty<float>();
        foreach ((string name, object weight) in run.Model.Transformer.Weights())
        {
            hash.AppendData(Encoding.UTF8.GetBytes(name));
            if (weight is Linear linear)
                linear.CopyRow(0, row = row.Length == linear.Inputs ? row : new float[linear.Inputs]);
            else
                row = ((Tensor)weight).Data.ToArray();
            hash.AppendData(MemoryMarshal.AsBytes(row.AsSpan()));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
