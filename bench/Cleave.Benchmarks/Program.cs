using BenchmarkDotNet.Running;
using Cleave.Benchmarks.Limits;

if (args.FirstOrDefault() == "limits")
    return Report.Run(args[1..]);
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
