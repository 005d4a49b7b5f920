namespace Cleave.Serving.Engine;

/// <summary>One of those that share the processor.</summary>
/// <param name="weight">Of two that are always busy, the one with twice the weight computes twice as long.</param>
public sealed class ComputeShare(string name, double weight = 1)
{
    private double _weight = Checked(weight), _used;

    public string Name { get; } = name;

    /// <summary>May change at any time; counts from the end of the next turn on.</summary>
    public double Weight
    {
        get => Volatile.Read(ref _weight);
        set => Volatile.Write(ref _weight, Checked(value));
    }

    /// <summary>How long it has computed.</summary>
    public double UsedSeconds => Volatile.Read(ref _used);

    /// <summary>When its last turn ended, in virtual time.</summary>
    internal double Finish { get; set; }

    /// <summary>Counts time that it has computed; may be called from several threads.</summary>
    internal void Count(double seconds)
    {
        double seen = Volatile.Read(ref _used);
        while (Interlocked.CompareExchange(ref _used, seen + seconds, seen) is var found && found != seen)
            seen = found;
    }

    private static double Checked(double weight) =>
        weight > 0 && double.IsFinite(weight) ? weight : throw new ArgumentOutOfRangeException(nameof(weight), weight, "a weight is above 0");
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
