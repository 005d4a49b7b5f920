using BenchmarkDotNet.Running;
using Cleave.Benchmarks.Costs;
using Cleave.Benchmarks.Fuzz;
using Cleave.Benchmarks.Limits;
using Cleave.Benchmarks.Samplers;

switch (args.FirstOrDefault())
{
    case "limits":
        return Report.Run(args[1..]);
    case "costs":
        return CostFit.Run(args[1..]);
    case "fuzz":
        return GgufFuzz.Run(args.AsSpan(1));
    case "samplers":
        return SamplerBenchmark.Run(args.AsSpan(1));
    default:
        BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
        return 0;
}
