using Cleave.Tuning.Storage;

namespace Cleave.Tuning;

/// <summary>Renews a running trial three times a lease until it is disposed; where nobody else could take the trial it does nothing.</summary>
internal sealed class LeaseKeeper : IDisposable
{
    private readonly Study _study;
    private readonly TrialRun _run;
    private readonly CancellationTokenSource _lost;
    private readonly Lock _gate = new();
    private readonly Timer? _timer;

    /// <param name="lost">Cancelled where the trial has gone to somebody else, or the storage is gone (<see cref="Failure"/>).</param>
    public LeaseKeeper(Study study, TrialRun run, CancellationTokenSource lost)
    {
        (_study, _run, _lost) = (study, run, lost);
        if (study.LeaseTime is { } lease)
            _timer = new Timer(_ => Renew(), null, lease / 3, lease / 3);
    }

    /// <summary>What the storage said where it could not be asked.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Once this returns nothing is renewed or cancelled any more.</summary>
    public void Dispose()
    {
        if (_timer is null)
            return;
        using var ended = new ManualResetEvent(false);
        if (_timer.Dispose(ended))
            ended.WaitOne();
    }

    private void Renew()
    {
        if (!_gate.TryEnter())
            return; // the last question is still open
        try
        {
            _study.Renew(_run);
        }
        catch (LeaseLostException)
        {
            _lost.Cancel();
        }
        catch (Exception e) // nobody is above a timer: whatever it is, who runs the trial reports it
        {
            Failure = e;
            _lost.Cancel();
        }
        finally
        {
            _gate.Exit();
        }
    }
}
