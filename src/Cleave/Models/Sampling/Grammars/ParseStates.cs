namespace Cleave.Models.Sampling.Grammars;

/// <summary>Where a text goes on when a rule has ended; the same place is the same object.</summary>
/// <param name="State">The state after the rule; −1 for the bottom, below which nothing is known.</param>
/// <param name="Left">How many bytes are needed from here to the end of the text at least.</param>
internal sealed record Frame(int State, Frame? Parent, long Left, int Id)
{
    public static Frame Bottom { get; } = new(-1, null, 0, -1);

    public bool Equals(Frame? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => Id;
}

/// <summary>All ways in which a text so far can be read: for each, a state that takes bytes and what follows its rule.</summary>
internal sealed class ParseState
{
    private readonly List<(int State, Frame? Frame)> _items = [];

    public IReadOnlyList<(int State, Frame? Frame)> Items => _items;

    public int Count => _items.Count;

    /// <summary>Whether the text may end here.</summary>
    public bool Accepts { get; set; }

    /// <summary>Whether the bottom was reached.</summary>
    public bool Escapes { get; set; }

    public bool IsDead => _items.Count == 0 && !Accepts && !Escapes;

    public (int State, Frame? Frame) this[int index] => _items[index];

    public void Clear()
    {
        _items.Clear();
        Accepts = Escapes = false;
    }

    public void Add(int state, Frame? frame)
    {
        foreach ((int known, Frame? place) in _items)
        {
            if (known == state && ReferenceEquals(place, frame))
                return;
        }
        _items.Add((state, frame));
    }

    public void CopyFrom(ParseState other)
    {
        Clear();
        _items.AddRange(other._items);
        (Accepts, Escapes) = (other.Accepts, other.Escapes);
    }
}

/// <summary>Steps from one <see cref="ParseState"/> to the next, byte by byte. Not for several threads at once.</summary>
internal sealed class ParseSteps(RuleAutomata automata, long[] distances, string origin)
{
    /// <summary>A text that can be read in more ways at once would be checked without end.</summary>
    private const int MaxWays = 1024;

    private readonly Dictionary<(int State, int Parent), Frame> _frames = [];
    private readonly List<(int State, Frame? Frame)> _open = [];
    private readonly HashSet<(int, int)> _seen = [];

    public int FrameCount => _frames.Count;

    public void Start(ParseState output)
    {
        output.Clear();
        Close(automata.Starts[0], null, output);
    }

    public void ForgetFrames() => _frames.Clear();

    /// <summary>The state after a byte; dead where nothing reads it.</summary>
    public void Step(ParseState from, byte value, ParseState output)
    {
        output.Clear();
        for (int i = 0; i < from.Count; i++)
        {
            (int state, Frame? frame) = from[i];
            int next = automata.Next(state, value);
            if (next >= 0)
                Close(next, frame, output);
        }
    }

    /// <summary>What follows when the rule above a frame has ended.</summary>
    public void Return(Frame frame, ParseState output)
    {
        output.Clear();
        Close(frame.State, frame.Parent, output);
    }

    /// <summary>How many bytes are needed to the end of the text at least.</summary>
    public long Left(ParseState at)
    {
        long least = at.Accepts ? 0 : Distances.Infinite;
        for (int i = 0; i < at.Count; i++)
            least = Math.Min(least, distances[at[i].State] + (at[i].Frame?.Left ?? 0));
        return least;
    }

    /// <summary>Adds a place and all that it leads to without a byte: rules that begin here, and rules that have ended.</summary>
    private void Close(int state, Frame? frame, ParseState output)
    {
        if (automata.IsPlain(state))
        {
            Add(state, frame, output);
            return;
        }
        _open.Clear();
        _seen.Clear();
        Offer(state, frame);
        for (int done = 0; done < _open.Count; done++)
        {
            (state, frame) = _open[done];
            if (automata.EdgeCount(state) > 0)
                Add(state, frame, output);
            for (int i = 0; i < automata.CallCount(state); i++)
            {
                (int rule, int back) = automata.CallOf(state, i);
                int start = automata.Starts[rule];
                // A rule that ends with another hands on its own return, so that lists make no towers.
                if (distances[start] < Distances.Infinite && distances[back] < Distances.Infinite)
                    Offer(start, automata.IsLast(back) ? frame : FrameOf(back, frame));
            }
            if (!automata.IsEnd(state))
                continue;
            if (frame is null)
                output.Accepts = true;
            else if (ReferenceEquals(frame, Frame.Bottom))
                output.Escapes = true;
            else
                Offer(frame.State, frame.Parent);
        }
    }

    private void Offer(int state, Frame? frame)
    {
        if (_seen.Add((state, frame?.Id ?? -2)))
            _open.Add((state, frame));
    }

    private void Add(int state, Frame? frame, ParseState output)
    {
        if (distances[state] >= Distances.Infinite)
            return;
        output.Add(state, frame);
        if (output.Count > MaxWays)
            throw new GrammarException(origin, $"the text can be read in more than {MaxWays} ways at once; make the grammar less ambiguous");
    }

    private Frame FrameOf(int state, Frame? parent)
    {
        var key = (state, parent?.Id ?? -2);
        if (!_frames.TryGetValue(key, out Frame? frame))
            _frames[key] = frame = new Frame(state, parent, distances[state] + (parent?.Left ?? 0), _frames.Count);
        return frame;
    }
}
