using Cleave.Cli.Shell;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave bench</c>: speed, measured on this machine.</summary>
internal static class BenchCommand
{
    public static Verb Create() => new("bench", "Measure speed on this machine.")
    {
        BenchInferenceCommand.Create(),
        BenchTrainingCommand.Create(),
        BenchTokenizerCommand.Create(),
        BenchServingCommand.Create(),
        BenchFootprintCommand.Create(),
    };
}
