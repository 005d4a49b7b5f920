namespace Cleave.Serving.Engine;

/// <summary>One of those that share the processor.</summary>
/// <param name="weight">Of two that are always busy, the one with twice the weight computes twice as long.</param>
public sealed class ComputeShare(string name, double weight = 1)
{
    public string Name { get; } = name;

    public double Weight { get; } = weight > 0 && double.IsFinite(weight) ? weight : throw new ArgumentOutOfRangeException(nameof(weight), weight, "a weight is above 0");

    /// <summary>When its last turn ended, in virtual time.</summary>
    internal double Finish { get; set; }
}

/// <summary>
/// Whose turn it is: start-time fair queueing (Goyal, Vin and Cheng, 1996). Each turn starts when its share's last one ended, in a
/// virtual time that runs slower for larger weights, but never before what is computed now; the earliest start is next. Who was away
/// gets nothing in return for that, and who comes back waits for no more than one turn of each of the others. Not for several threads.
/// </summary>
internal sealed class FairQueue
{
    private readonly List<Place> _places = [];
    private double _now;
    private long _arrivals;

    /// <summary>A place in the row.</summary>
    internal sealed record Place(ComputeShare Share, double Start, long Arrival);

    /// <summary>Whose turn is next, the earlier arrival among equals; null where nobody waits.</summary>
    public Place? First => _places.MinBy(p => (p.Start, p.Arrival));

    public Place Join(ComputeShare share)
    {
        var place = new Place(share, Math.Max(_now, share.Finish), _arrivals++);
        _places.Add(place);
        return place;
    }

    public void Begin(Place place)
    {
        _places.Remove(place);
        _now = place.Start;
    }

    /// <param name="seconds">How long the turn took.</param>
    public static void End(Place place, double seconds) => place.Share.Finish = Math.Max(place.Share.Finish, place.Start + seconds / place.Share.Weight);
}
