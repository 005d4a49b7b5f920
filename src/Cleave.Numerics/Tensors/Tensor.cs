using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Simd;

namespace Cleave.Numerics.Tensors;

/// <summary>
/// A float32 matrix, contiguous and 64-byte aligned. It is either a parameter, which owns its memory and keeps a
/// gradient from step to step, or an activation, which belongs to a <see cref="Tape"/> and is valid until that
/// tape is reset.
/// </summary>
public sealed unsafe class Tensor : IDisposable
{
    private readonly NativeBuffer? _owned;
    private NativeBuffer? _ownedGradient;
    private float* _data;
    private float* _gradient;
    private float* _narrow; // the data in bfloat16, while it is kept so
    private Tape? _tape;

    private Tensor(Shape shape, NativeBuffer owned, bool requiresGradient)
    {
        Shape = shape;
        _owned = owned;
        _data = owned.Pointer;
        RequiresGradient = requiresGradient;
    }

    /// <summary>An empty slot for a tape to fill.</summary>
    internal Tensor() { }

    public Shape Shape { get; private set; }
    public int Rows => Shape.Rows;
    public int Columns => Shape.Columns;
    public int Length => Shape.Length;

    /// <summary>True for what training changes, and for everything computed from it on a recording tape.</summary>
    public bool RequiresGradient { get; private set; }

    /// <summary>True for tensors that own their memory and live longer than a step.</summary>
    public bool IsParameter => _owned is not null;

    public Span<float> Data => _data == null
        ? throw new ObjectDisposedException(nameof(Tensor), "the tape that made this tensor was reset, or the tensor disposed")
        : new Span<float>(_data, Length);

    public bool HasGradient => _gradient != null;

    /// <summary>The gradient to add to; zeros at first.</summary>
    public Span<float> Gradient => GradientBuffer(clear: true);

    /// <summary>
    /// Whether the gradient has its last contribution; while it has, whoever would add another is told off, as what was done with the gradient
    /// in the meantime would be wrong.
    /// </summary>
    public bool GradientIsComplete { get; set; }

    /// <summary>The gradient of which <see cref="GradientIsComplete"/> is said; zeros where nothing was contributed.</summary>
    public Span<float> CompleteGradient => GradientBuffer(clear: true, complete: true);

    /// <summary>A tensor that owns zeroed memory.</summary>
    public static Tensor Parameter(int rows, int columns, bool requiresGradient = true)
    {
        var shape = new Shape(rows, columns);
        return new Tensor(shape, new NativeBuffer(shape.Length), requiresGradient);
    }

    /// <summary>A tensor that owns a copy of <paramref name="values"/>.</summary>
    public static Tensor From(ReadOnlySpan<float> values, int rows, int columns, bool requiresGradient = true)
    {
        Tensor t = Parameter(rows, columns, requiresGradient);
        if (values.Length != t.Length)
            throw new ArgumentException($"{values.Length} values do not fill a tensor of {t.Shape}", nameof(values));
        values.CopyTo(t.Data);
        return t;
    }

    /// <summary>
    /// Where a backward pass writes this tensor's gradient. True when nothing is there yet, so that the writer may
    /// overwrite instead of adding; the buffer's content is then undefined.
    /// </summary>
    internal bool GradientToWrite(out Span<float> gradient)
    {
        bool fresh = _gradient == null;
        gradient = GradientBuffer(clear: false);
        return fresh;
    }

    /// <summary>A parameter that training leaves as it is from here on: nothing records a gradient for it.</summary>
    public void Freeze()
    {
        if (_owned is null)
            throw new InvalidOperationException("only a parameter can be frozen");
        RequiresGradient = false;
        _gradient = null;
    }

    /// <summary>Forgets a parameter's gradient: the next one starts from nothing. The memory stays.</summary>
    public void ClearGradient()
    {
        if (_owned is null)
            throw new InvalidOperationException("an activation's gradient is cleared by its tape");
        _gradient = null;
    }

    public void Dispose()
    {
        if (_owned is null)
            return;
        _owned.Dispose();
        _ownedGradient?.Dispose();
        _data = _gradient = null;
    }

    internal void Fill(Tape tape, Shape shape, float* data, bool requiresGradient)
    {
        _tape = tape;
        Shape = shape;
        _data = data;
        _gradient = null;
        RequiresGradient = requiresGradient;
    }

    /// <summary>Hands the activation's blocks back to the pool.</summary>
    internal void Release(BufferPool pool)
    {
        ReleaseGradient(pool);
        ReleaseNarrow(pool);
        if (_data == null)
            return;
        pool.Return(_data, Length);
        _data = null;
    }

    /// <summary>From here on a gradient is kept for this activation, though it was made without recording.</summary>
    internal void RequireGradient() => RequiresGradient = true;

    /// <summary>Takes over the gradient of an activation of the same tape and shape.</summary>
    internal void TakeGradientOf(Tensor other)
    {
        _gradient = other._gradient;
        other._gradient = null;
    }

    /// <summary>Keeps an activation's data in bfloat16.</summary>
    internal void Narrow(BufferPool pool)
    {
        if (_data == null || _owned is not null)
            return;
        _narrow = pool.Rent((Length + 1) / 2);
        Conversion.FloatToBFloat16(Data, new Span<ushort>(_narrow, Length));
        pool.Return(_data, Length);
        _data = null;
    }

    /// <summary>Gives back, rounded, what <see cref="Narrow"/> put away.</summary>
    internal void Widen(BufferPool pool)
    {
        if (_narrow == null)
            return;
        _data = pool.Rent(Length);
        Conversion.BFloat16ToFloat(new ReadOnlySpan<ushort>(_narrow, Length), Data);
        ReleaseNarrow(pool);
    }

    private void ReleaseNarrow(BufferPool pool)
    {
        if (_narrow == null)
            return;
        pool.Return(_narrow, (Length + 1) / 2);
        _narrow = null;
    }

    private void ReleaseGradient(BufferPool pool)
    {
        if (_gradient == null)
            return;
        pool.Return(_gradient, Length);
        _gradient = null;
    }

    private Span<float> GradientBuffer(bool clear, bool complete = false)
    {
        if (!RequiresGradient)
            throw new InvalidOperationException("this tensor takes no gradient");
        if (GradientIsComplete && !complete)
            throw new InvalidOperationException("a parameter's gradient was taken for complete and something more adds to it: it is used outside of the place that it is listed at");
        if (_gradient == null)
        {
            if (_owned is not null)
            {
                _ownedGradient ??= new NativeBuffer(Length);
                _gradient = _ownedGradient.Pointer;
            }
            else
            {
                _gradient = _tape!.Pool.Rent(Length);
            }
            if (clear)
                new Span<float>(_gradient, Length).Clear();
        }
        return new Span<float>(_gradient, Length);
    }
}
