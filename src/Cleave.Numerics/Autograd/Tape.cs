using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Autograd;

/// <summary>
/// Reverse-mode differentiation: operations run through a tape, which gives them memory and, while it records,
/// remembers what their backward passes need. One step is: run the model and its losses, <see cref="Backward()"/>,
/// <see cref="Reset"/>. Tensors, nodes and memory are reused, so a step of known shapes allocates nothing.
/// Not safe for use from two threads.
/// </summary>
public sealed unsafe class Tape(bool records) : IDisposable
{
    private readonly List<Tensor> _slots = [];
    private readonly List<Node> _nodes = [];
    private readonly HashSet<object> _milestones = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Type, NodePool> _nodePools = [];
    private int _used;

    /// <summary>False: operations only compute (inference).</summary>
    public bool Records { get; private set; } = records;

    /// <summary>Bytes of activations and their gradients held for reuse.</summary>
    public long HeldBytes => Pool.Bytes;

    internal BufferPool Pool { get; } = new();

    /// <summary>An activation with undefined content, valid until <see cref="Reset"/>.</summary>
    public Tensor New(int rows, int columns, bool requiresGradient = false)
    {
        if (_used == _slots.Count)
            _slots.Add(new Tensor());
        Tensor tensor = _slots[_used++];
        var shape = new Shape(rows, columns);
        tensor.Fill(this, shape, Pool.Rent(shape.Length), requiresGradient && Records);
        return tensor;
    }

    /// <summary>An activation that holds a copy of <paramref name="values"/>.</summary>
    public Tensor Copy(ReadOnlySpan<float> values, int rows, int columns, bool requiresGradient = false)
    {
        Tensor tensor = New(rows, columns, requiresGradient);
        values.CopyTo(tensor.Data);
        return tensor;
    }

    /// <summary>How many tensors this tape has given out: a place to return to with <see cref="KeepOnly"/>.</summary>
    public int Mark => _used;

    /// <summary>
    /// Takes back every tensor made since <paramref name="mark"/> but one, so that inference needs the memory of a layer and
    /// not of all of them. On a tape that records it does nothing: the backward pass needs them.
    /// </summary>
    public void KeepOnly(Tensor kept, int mark)
    {
        if (!Records)
            ReleaseAllBut(kept, mark);
    }

    /// <summary>
    /// Runs a segment and remembers its input alone: the backward pass computes the segment again, at the price of one more forward
    /// pass (Chen et al., 2016, "Training Deep Nets with Sublinear Memory Cost"). The gradients are the same, bit for bit.
    /// </summary>
    /// <param name="segment">Gives the same result each time.</param>
    public Tensor Recompute<TSegment>(TSegment segment, Tensor x) where TSegment : struct, ISegment
    {
        if (!Records)
            return segment.Run(this, x);
        int mark = _used;
        Records = false;
        Tensor y;
        try
        {
            y = segment.Run(this, x);
        }
        finally
        {
            Records = true;
        }
        ReleaseAllBut(y, mark);
        y.RequireGradient();
        RecomputeNode<TSegment> node = Record<RecomputeNode<TSegment>>(y);
        (node.Tape, node.Segment, node.X) = (this, segment, x);
        return y;
    }

    /// <summary>
    /// Keeps what was made since <paramref name="mark"/>, but one tensor, in bfloat16 until the backward pass comes to it: half the memory,
    /// and gradients as of activations rounded to eight bits of fraction. Nothing but the backward pass may read them any more.
    /// </summary>
    public void KeepInBFloat16(int mark, Tensor readable)
    {
        if (!Records)
            return;
        for (int i = mark; i < _used; i++)
        {
            if (_slots[i] != readable)
                _slots[i].Narrow(Pool);
        }
        NarrowNode node = Record<NarrowNode>(null);
        (node.Tape, node.From, node.To) = (this, mark, _used);
    }

    /// <summary>
    /// Hears of each <see cref="Milestone"/> that the backward pass is back at: the gradients of parameters that are used behind it alone
    /// have their last contribution. Null where nobody waits for that.
    /// </summary>
    public Action<object>? Reached { get; set; }

    /// <summary>Marks how far the forward pass is; a place that it comes by several times counts as where it came by first.</summary>
    public void Milestone(object place)
    {
        if (!Records || Reached is null || _milestones.Contains(place))
            return;
        _milestones.Add(place);
        MilestoneNode node = Record<MilestoneNode>(null);
        (node.Tape, node.Place) = (this, place);
    }

    private void ReleaseAllBut(Tensor kept, int mark)
    {
        int at = _slots.IndexOf(kept, mark, _used - mark);
        if (at >= 0)
        {
            (_slots[mark], _slots[at]) = (kept, _slots[mark]);
            mark++;
        }
        for (int i = mark; i < _used; i++)
            _slots[i].Release(Pool);
        _used = mark;
    }

    /// <summary>
    /// Runs every recorded operation's backward pass, last first, starting at the losses. Parameters' gradients
    /// add up over calls; activations are given back as soon as nothing needs them.
    /// </summary>
    public void Backward()
    {
        if (!Records)
            throw new InvalidOperationException("this tape records nothing; make it with records: true to train");
        Backward(0);
    }

    private void Backward(int first)
    {
        for (int i = _nodes.Count - 1; i >= first; i--)
        {
            Node node = _nodes[i];
            if (node.Output is null || node.Output.HasGradient)
                node.Backward();
            // Everything that reads the output was recorded later, so its backward pass is over.
            if (node.Output is { } output && !OutputIsRewritten(i))
                output.Release(Pool);
        }
    }

    /// <summary>Takes back every tensor that this tape made.</summary>
    public void Reset()
    {
        for (int i = 0; i < _used; i++)
            _slots[i].Release(Pool);
        _used = 0;
        _nodes.Clear();
        _milestones.Clear();
        foreach (NodePool pool in _nodePools.Values)
            pool.Used = 0;
        Pool.EndStep();
    }

    public void Dispose()
    {
        Reset();
        Pool.Dispose();
    }

    /// <summary>Records an operation: a node to fill in. Only while <see cref="Records"/>.</summary>
    internal TNode Record<TNode>(Tensor? output) where TNode : Node, new()
    {
        if (!_nodePools.TryGetValue(typeof(TNode), out NodePool? pool))
            _nodePools[typeof(TNode)] = pool = new NodePool();
        if (pool.Used == pool.Nodes.Count)
            pool.Nodes.Add(new TNode());
        var node = (TNode)pool.Nodes[pool.Used++];
        node.Output = output;
        _nodes.Add(node);
        return node;
    }

    // An operation in place has the same output as the node before it that made the tensor; that one releases it.
    private bool OutputIsRewritten(int index) => _nodes[index] is IInPlace;

    /// <summary>Runs a segment again, now recording, and its backward pass; then forgets both.</summary>
    private void Replay<TSegment>(TSegment segment, Tensor x, Tensor y) where TSegment : struct, ISegment
    {
        int mark = _used, first = _nodes.Count;
        segment.Run(this, x).TakeGradientOf(y);
        Backward(first);
        for (int i = first; i < _nodes.Count; i++)
            _nodePools[_nodes[i].GetType()].Used--; // the last ones taken of each type
        _nodes.RemoveRange(first, _nodes.Count - first);
        for (int i = mark; i < _used; i++)
            _slots[i].Release(Pool);
        _used = mark;
    }

    private sealed class RecomputeNode<TSegment> : Node where TSegment : struct, ISegment
    {
        public Tape Tape = null!;
        public TSegment Segment;
        public Tensor X = null!;

        public override void Backward() => Tape.Replay(Segment, X, Output!);
    }

    private sealed class NarrowNode : Node
    {
        public Tape Tape = null!;
        public int From, To;

        public override void Backward()
        {
            for (int i = From; i < To; i++)
                Tape._slots[i].Widen(Tape.Pool);
        }
    }

    private sealed class MilestoneNode : Node
    {
        public Tape Tape = null!;
        public object Place = null!;

        public override void Backward() => Tape.Reached?.Invoke(Place);
    }

    private sealed class NodePool
    {
        public List<Node> Nodes { get; } = [];
        public int Used { get; set; }
    }
}

/// <summary>Marks a node whose output is its input, changed in place.</summary>
internal interface IInPlace;

/// <summary>A piece of a computation that can be run again: the same input gives the same result.</summary>
public interface ISegment
{
    /// <summary>Computes the piece on <paramref name="tape"/>.</summary>
    Tensor Run(Tape tape, Tensor x);
}
