using Cleave.Cli.Shell;

namespace Cleave.Cli.Commands;

/// <summary>Every command, in the order of the help page.</summary>
internal static class Verbs
{
    public static readonly (string Name, Func<Verb> Create)[] All =
    [
        ("split", SplitCommand.Create),
        ("serve", ServeCommand.Create),
        ("simulate", SimulateCommand.Create),
        ("run", RunCommand.Create),
        ("pull", PullCommand.Create),
        ("pretrain", PretrainCommand.Create),
        ("train", TrainCommand.Create),
        ("prune", PruneCommand.Create),
        ("quantize", QuantizeCommand.Create),
        ("distill", DistillCommand.Create),
        ("tune", TuneCommand.Create),
        ("worker", WorkerCommand.Create),
        ("advise", AdviseCommand.Create),
        ("eval", EvalCommand.Create),
        ("generate", GenerateCommand.Create),
        ("tokenize", TokenizeCommand.Create),
        ("logits", LogitsCommand.Create),
        ("convert", ConvertCommand.Create),
        ("inspect", InspectCommand.Create),
        ("bench", BenchCommand.Create),
    ];
}
