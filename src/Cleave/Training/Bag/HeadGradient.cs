using Cleave.Models.Bag;

namespace Cleave.Training.Bag;

/// <summary>The head's forward pass with what its backward pass needs, its gradient over a batch, and its Adam.</summary>
internal sealed class HeadGradient
{
    private readonly BagHead _head;
    private readonly float[] _hidden, _dHidden;
    private readonly float[] _hiddenWeight, _hiddenBias, _outputWeight, _outputBias;
    private readonly LazyAdam _adamHiddenWeight, _adamHiddenBias, _adamOutputWeight, _adamOutputBias;

    public HeadGradient(BagHead head)
    {
        _head = head;
        Logits = new float[head.Classes];
        _hidden = new float[head.Hidden];
        _dHidden = new float[head.Hidden];
        _hiddenWeight = new float[head.HiddenWeight.Length];
        _hiddenBias = new float[head.HiddenBias.Length];
        _outputWeight = new float[head.OutputWeight.Length];
        _outputBias = new float[head.OutputBias.Length];
        _adamHiddenWeight = new LazyAdam(_hiddenWeight.Length);
        _adamHiddenBias = new LazyAdam(_hiddenBias.Length);
        _adamOutputWeight = new LazyAdam(_outputWeight.Length);
        _adamOutputBias = new LazyAdam(_outputBias.Length);
    }

    /// <summary>Of the last text that went forward; the loss puts its derivative in their place before going backward.</summary>
    public float[] Logits { get; }

    public void Reset()
    {
        Array.Clear(_hiddenWeight);
        Array.Clear(_hiddenBias);
        Array.Clear(_outputWeight);
        Array.Clear(_outputBias);
    }

    public void Forward(ReadOnlySpan<float> pooled) => _head.Forward(pooled, _hidden, Logits);

    /// <summary>Adds to the head's gradient; dPooled = W₁ᵀ·(W₂ᵀ·dlogits ⊙ [h &gt; 0]), or W₂ᵀ·dlogits without a hidden layer.</summary>
    public void Backward(ReadOnlySpan<float> pooled, Span<float> dPooled)
    {
        if (_head.Hidden == 0)
        {
            Layer(pooled, Logits, _head.OutputWeight, _outputWeight, _outputBias, dPooled);
            return;
        }
        Layer(_hidden, Logits, _head.OutputWeight, _outputWeight, _outputBias, _dHidden);
        for (int i = 0; i < _hidden.Length; i++)
        {
            if (_hidden[i] <= 0)
                _dHidden[i] = 0;
        }
        Layer(pooled, _dHidden, _head.HiddenWeight, _hiddenWeight, _hiddenBias, dPooled);
    }

    public void Step(float rate, int step)
    {
        _adamHiddenWeight.Step(_head.HiddenWeight, _hiddenWeight, rate, step);
        _adamHiddenBias.Step(_head.HiddenBias, _hiddenBias, rate, step);
        _adamOutputWeight.Step(_head.OutputWeight, _outputWeight, rate, step);
        _adamOutputBias.Step(_head.OutputBias, _outputBias, rate, step);
    }

    /// <summary>Of y = W·x + b: dW += dy·xᵀ, db += dy, dx = Wᵀ·dy.</summary>
    private static void Layer(ReadOnlySpan<float> x, ReadOnlySpan<float> dy, ReadOnlySpan<float> w, Span<float> dw, Span<float> db, Span<float> dx)
    {
        int width = x.Length;
        dx.Clear();
        for (int i = 0; i < dy.Length; i++)
        {
            if (dy[i] == 0)
                continue;
            db[i] += dy[i];
            BagMath.AddScaled(dw.Slice(i * width, width), dy[i], x);
            BagMath.AddScaled(dx, dy[i], w.Slice(i * width, width));
        }
    }
}
