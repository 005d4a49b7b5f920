using BenchmarkDotNet.Running;
using Cleave.Benchmarks.Adapters;
using Cleave.Benchmarks.Advice;
using Cleave.Benchmarks.Agreement;
using Cleave.Benchmarks.Bandit;
using Cleave.Benchmarks.Constraints;
using Cleave.Benchmarks.Costs;
using Cleave.Benchmarks.Distributed;
using Cleave.Benchmarks.Fleet;
using Cleave.Benchmarks.Fuzz;
using Cleave.Benchmarks.HttpFuzz;
using Cleave.Benchmarks.Kernels;
using Cleave.Benchmarks.Limits;
using Cleave.Benchmarks.Proposer;
using Cleave.Benchmarks.Replay;
using Cleave.Benchmarks.Samplers;
using Cleave.Benchmarks.Scaling;
using Cleave.Benchmarks.Search;
using Cleave.Benchmarks.Serving;
using Cleave.Benchmarks.Swap;

switch (args.FirstOrDefault())
{
    case "limits":
        return Report.Run(args[1..]);
    case "adapters":
        return AdapterPasses.Run(args[1..]);
    case "advice": // [20]
        return AdviceBenchmark.Run(args.AsSpan(1));
    case "bandit": // [200]
        return BanditBenchmark.Run(args.AsSpan(1));
    case "connections":
        return IdleConnections.Run(args[1..]);
    case "constrained":
        return ConstraintCost.Run(args.AsSpan(1));
    case "costs":
        return CostFit.Run(args[1..]);
    case "fleet":
        return FleetBenchmark.Run(args[1..]);
    case "fuzz":
        return FuzzRun.Run(args.AsSpan(1));
    case "fuzz-http":
        return HttpFuzzRun.Run(args[1..]);
    case "agreement":
        return AgreementTable.Run(args[1..]);
    case "mpi":
        return DataParallelBenchmark.Run(args[1..]);
    case "prompts":
        return PromptProducts.Run(args.AsSpan(1));
    case "proposer":
        return ProposerBenchmark.Run(args.AsSpan(1));
    case "replay": // what bench/replay.sh runs
        return ReplayBenchmark.Run(args[1..]);
    case "samplers":
        return SamplerBenchmark.Run(args.AsSpan(1));
    case "scaling":
        return ScalingModel.Run(args[1..]);
    case "search":
        return SearchBenchmark.Run(args[1..]);
    case "soak":
        return Soak.Run(args[1..]);
    case "start":
        return StartTime.Run(args[1..]);
    case "swap":
        return SwapBenchmark.Run(args[1..]);
    case "kernels": // [--filter '*MatMul*'] and BenchmarkDotNet's other options
        BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args.Length > 1 ? args[1..] : ["--filter", "*"]);
        return 0;
    default:
        Console.Error.WriteLine("give limits, adapters, advice, agreement, bandit, connections, constrained, costs, fleet, fuzz, fuzz-http, mpi, prompts, proposer, replay, samplers, scaling, search, soak, start, swap or kernels");
        return 2;
}
