using Cleave.Cli.Shell;

// The program is a thin shell over the library: streams and signals here, everything else in App.
using var interrupt = new Interrupt();
using var streams = StandardStreams.Open();
return new App(streams).Run(args, interrupt.Token);
