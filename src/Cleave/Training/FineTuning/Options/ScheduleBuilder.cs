using Cleave.Training.Schedules;

namespace Cleave.Training.FineTuning.Options;

/// <summary>Makes a schedule of options.</summary>
public static class ScheduleBuilder
{
    public static IReadOnlyList<string> Names { get; } = ["cosine", "linear", "constant", "stable", "one-cycle", "cyclic", "plateau"];

    public static ISchedule Build(ScheduleOptions options, double peak, int updates)
    {
        ArgumentNullException.ThrowIfNull(options);
        int warmup = options.Warmup > 0 ? Math.Max(1, (int)(options.Warmup * updates)) : 0;
        return options.Name switch
        {
            "cosine" => new CosineSchedule(peak, warmup, updates, options.FinalShare),
            "linear" => new LinearSchedule(peak, warmup, updates, options.FinalShare),
            "constant" => new ConstantSchedule(peak, warmup, updates),
            "stable" => new StableSchedule(peak, warmup, updates, Math.Min(updates - warmup, (int)(options.Decay * updates)), options.FinalShare),
            "one-cycle" => new OneCycleSchedule(peak, updates),
            "cyclic" => new CyclicSchedule(peak, updates, Math.Min(options.Cycles, updates)),
            "plateau" => new PlateauSchedule(peak, warmup, updates, options.PlateauFactor, options.PlateauPatience),
            _ => throw new ArgumentException($"there is no schedule '{options.Name}'", nameof(options)),
        };
    }
}
