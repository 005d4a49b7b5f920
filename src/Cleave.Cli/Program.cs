using Cleave.Cli.Shell;

// The program is a thin shell over the library: streams and signals here, everything else in App.
using var streams = StandardStreams.Open();
using var interrupt = new Interrupt(() => streams.IsWaitingForInput);
return new App(streams).Run(args, interrupt.Token);
