using Cleave.Numerics;

namespace Cleave.Tests.Training;

/// <summary>Interrupts a run after so many reports.</summary>
internal sealed class StopAfter(CancellationTokenSource cancel, int reports) : IProgress<ProgressReport>
{
    private int _seen;

    public void Report(ProgressReport value)
    {
        if (++_seen == reports)
            cancel.Cancel();
    }
}
