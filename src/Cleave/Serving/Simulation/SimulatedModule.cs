using Cleave.Serving.Allocation;
using Cleave.Serving.Engine;

namespace Cleave.Serving.Simulation;

/// <summary>A sequence that is written in a simulation.</summary>
internal sealed class SimulatedSequence
{
    public int Request { get; set; }
    public int Unread { get; set; }
    public int Share { get; set; }
    public int Made { get; set; }
    public long Bytes { get; set; }
    public double Began { get; set; }
}

/// <summary>One module on one simulated server: what waits for it and what it computes, by the rules of the engine.</summary>
internal sealed class SimulatedModule(int index, ModuleFootprint footprint, ComputeShare share, EngineOptions engine)
{
    private readonly Queue<(int Request, double Since)> _waiting = [];
    private readonly List<SimulatedSequence> _running = [], _reading = [];
    private readonly Stack<SimulatedSequence> _free = [];
    private readonly List<(int Request, double Since)> _asked = [];

    public int Index { get; } = index;
    public ModuleFootprint Footprint { get; } = footprint;
    public ComputeShare Share { get; } = share;

    /// <summary>In the row for a turn, or with it.</summary>
    public FairQueue.Place? Place { get; set; }

    /// <summary>Whether a module without turns computes.</summary>
    public bool IsAsking { get; set; }

    /// <summary>Requests that wait for the module to be loaded.</summary>
    public Queue<(int Request, double Since)> Wanting { get; } = [];

    public long Least { get; set; } = long.MaxValue;
    public long Room { get; set; } = long.MaxValue;
    public long Held { get; private set; }

    // Sums over the simulation, in seconds.
    public double Busy { get; set; }
    public double Waited { get; private set; }
    public double Ran { get; private set; }
    public double HeldBytes { get; private set; }
    public ExponentialRate Demand { get; } = new(10);

    public bool HasWork => _running.Count + _waiting.Count > 0;

    public void Add(int request, double now) => _waiting.Enqueue((request, now));

    /// <summary>Takes the texts that are asked together, at the moment when the row for a turn is joined.</summary>
    public void Gather()
    {
        while (_asked.Count < PredictionBatcher.Together && _waiting.TryDequeue(out (int, double) next))
            _asked.Add(next);
    }

    /// <summary>Seconds of the pass over what was gathered.</summary>
    public double BeginPass(ReadOnlySpan<TracedRequest> requests, double now)
    {
        int tokens = 0;
        foreach ((int request, double since) in _asked)
        {
            tokens += requests[request].PromptTokens;
            Waited += now - since;
        }
        double seconds = Footprint.Reading.At(tokens) / 1000;
        Ran += seconds * _asked.Count;
        return seconds;
    }

    public void EndPass(List<int> done)
    {
        foreach ((int request, _) in _asked)
            done.Add(request);
        _asked.Clear();
    }

    /// <summary>Seconds of the next step, after letting in who may begin.</summary>
    public double BeginStep(ReadOnlySpan<TracedRequest> requests, double now)
    {
        while (_waiting.TryPeek(out (int Request, double Since) next))
        {
            TracedRequest request = requests[next.Request];
            long bytes = BytesOf(request);
            if (!StepRules.Begins(_running.Count, Held, bytes, engine.MaxSequences, Room))
                break;
            _waiting.Dequeue();
            Waited += now - next.Since;
            Held += bytes;
            SimulatedSequence sequence = _free.TryPop(out SimulatedSequence? used) ? used : new SimulatedSequence();
            (sequence.Request, sequence.Unread, sequence.Made, sequence.Bytes, sequence.Began) = (next.Request, request.PromptTokens, 0, bytes, now);
            _running.Add(sequence);
        }
        int writing = 0, reading = 0;
        _reading.Clear();
        foreach (SimulatedSequence sequence in _running)
        {
            if (sequence.Unread == 1)
            {
                sequence.Share = 1;
                writing++;
            }
            else
            {
                _reading.Add(sequence);
            }
        }
        if (_reading.Count > 1)
            _reading.Sort(static (a, b) => a.Unread != b.Unread ? a.Unread.CompareTo(b.Unread) : a.Request.CompareTo(b.Request));
        for (int i = 0; i < _reading.Count; i++)
            reading += _reading[i].Share = StepRules.Part(_reading[i].Unread, engine.StepTokens - writing - reading, _reading.Count - i);
        return Footprint.Step(writing, reading) / 1000;
    }

    /// <summary>Ends the step: who has a first token, and who has its answer. An answer ends with a token that is not told.</summary>
    public void EndStep(ReadOnlySpan<TracedRequest> requests, double now, List<int> first, List<int> done)
    {
        int kept = 0;
        for (int i = 0; i < _running.Count; i++)
        {
            SimulatedSequence sequence = _running[i];
            sequence.Unread -= sequence.Share;
            if (sequence.Unread == 0)
            {
                sequence.Unread = 1;
                if (++sequence.Made == 1)
                    first.Add(sequence.Request);
                if (sequence.Made > requests[sequence.Request].CompletionTokens)
                {
                    done.Add(sequence.Request);
                    Held -= sequence.Bytes;
                    Ran += now - sequence.Began;
                    HeldBytes += sequence.Bytes * (now - sequence.Began);
                    _free.Push(sequence);
                    continue;
                }
            }
            _running[kept++] = sequence;
        }
        _running.RemoveRange(kept, _running.Count - kept);
    }

    public long BytesOf(TracedRequest request) => Footprint.KeyValueBytes(request.PromptTokens + request.CompletionTokens);
}
