using System.Diagnostics;

namespace Cleave.Serving.Engine;

/// <summary>
/// Lets one model compute at a time, with all cores: two at once would only take the cores from each other. Who is next is decided by
/// <see cref="FairQueue"/>, so that a busy model leaves the others their share.
/// </summary>
public sealed class ComputeTurns(TimeProvider? clock = null)
{
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly object _gate = new();
    private readonly FairQueue _queue = new();
    private FairQueue.Place? _holder;
    private long _since;

    /// <summary>Waits for a turn.</summary>
    public void Take(ComputeShare share)
    {
        ArgumentNullException.ThrowIfNull(share);
        lock (_gate)
            Wait(share);
    }

    /// <summary>Ends the turn, which the calling thread has.</summary>
    public void Leave()
    {
        lock (_gate)
            End();
    }

    /// <summary>Ends the turn and waits for the next one of the same share: somebody else's may come between.</summary>
    public void Renew()
    {
        lock (_gate)
        {
            ComputeShare share = _holder!.Share;
            End();
            Wait(share);
        }
    }

    private void Wait(ComputeShare share)
    {
        FairQueue.Place place = _queue.Join(share);
        while (_holder is not null || _queue.First != place)
            Monitor.Wait(_gate);
        _queue.Begin(place);
        (_holder, _since) = (place, _clock.GetTimestamp());
    }

    private void End()
    {
        Debug.Assert(_holder is not null, "nobody has a turn");
        double seconds = _clock.GetElapsedTime(_since).TotalSeconds;
        FairQueue.End(_holder, seconds);
        _holder.Share.Count(seconds);
        _holder = null;
        Monitor.PulseAll(_gate);
    }
}
