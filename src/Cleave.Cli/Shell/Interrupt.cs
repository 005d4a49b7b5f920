using System.Runtime.InteropServices;

namespace Cleave.Cli.Shell;

/// <summary>
/// Turns the first Ctrl-C or SIGTERM into a cancellation, so that a job can save what it has; the second one
/// ends the process at once, as does the first where the program only waits for a line of input.
/// </summary>
internal sealed class Interrupt : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly Func<bool> _isIdle;
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;

    /// <param name="isIdle">Whether there is nothing to bring to an end.</param>
    public Interrupt(Func<bool> isIdle)
    {
        _isIdle = isIdle;
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
    }

    public CancellationToken Token => _source.Token;

    private void OnSignal(PosixSignalContext signal)
    {
        if (_source.IsCancellationRequested || _isIdle())
            return; // the default action: the process ends
        signal.Cancel = true;
        _source.Cancel();
    }

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _source.Dispose();
    }
}
