using Cleave.Models.Bag;
using Cleave.Numerics.Kernels;

namespace Cleave.Training.Bag;

/// <summary>The head's forward and backward pass over a batch of B texts, its gradient, and its Adam.</summary>
internal sealed class HeadGradient
{
    private readonly BagHead _head;
    private readonly float[] _pooled, _dPooled, _hidden, _dHidden, _logits;
    private readonly float[] _hiddenWeight, _hiddenBias, _outputWeight, _outputBias;
    private readonly LazyAdam _adamHiddenWeight, _adamHiddenBias, _adamOutputWeight, _adamOutputBias;

    /// <param name="batch">Most texts of a batch.</param>
    public HeadGradient(BagHead head, int batch)
    {
        _head = head;
        _pooled = new float[checked(batch * head.Dim)];
        _dPooled = new float[_pooled.Length];
        _hidden = new float[checked(batch * head.Hidden)];
        _dHidden = new float[_hidden.Length];
        _logits = new float[checked(batch * head.Classes)];
        _hiddenWeight = new float[head.HiddenWeight.Length];
        _hiddenBias = new float[head.HiddenBias.Length];
        _outputWeight = new float[head.OutputWeight.Length];
        _outputBias = new float[head.OutputBias.Length];
        _adamHiddenWeight = new LazyAdam(_hiddenWeight.Length);
        _adamHiddenBias = new LazyAdam(_hiddenBias.Length);
        _adamOutputWeight = new LazyAdam(_outputWeight.Length);
        _adamOutputBias = new LazyAdam(_outputBias.Length);
    }

    /// <summary>(dim): where a text's pooled vector goes before the forward pass.</summary>
    public Span<float> Pooled(int text) => _pooled.AsSpan(text * _head.Dim, _head.Dim);

    /// <summary>(dim): the loss's derivative by a text's pooled vector, after the backward pass.</summary>
    public ReadOnlySpan<float> PooledDerivative(int text) => _dPooled.AsSpan(text * _head.Dim, _head.Dim);

    /// <summary>(classes): after the forward pass; the loss puts its derivative in their place.</summary>
    public Span<float> Logits(int text) => _logits.AsSpan(text * _head.Classes, _head.Classes);

    public void Forward(int texts)
    {
        BagHead h = _head;
        if (h.Hidden > 0)
        {
            Layer(_pooled, h.HiddenWeight, h.HiddenBias, _hidden, texts, h.Dim);
            foreach (ref float value in _hidden.AsSpan(0, texts * h.Hidden))
                value = Math.Max(0, value);
        }
        Layer(h.Hidden > 0 ? _hidden : _pooled, h.OutputWeight, h.OutputBias, _logits, texts, h.Width);
    }

    /// <summary>The head's gradient, and dPooled = W₁ᵀ·(W₂ᵀ·dLogits ⊙ [h &gt; 0]), or W₂ᵀ·dLogits without a hidden layer.</summary>
    public void Backward(int texts)
    {
        BagHead h = _head;
        if (h.Hidden == 0)
        {
            LayerBackward(_logits, _pooled, h.OutputWeight, _outputWeight, _outputBias, _dPooled, texts, h.Dim);
            return;
        }
        LayerBackward(_logits, _hidden, h.OutputWeight, _outputWeight, _outputBias, _dHidden, texts, h.Hidden);
        for (int i = 0; i < texts * h.Hidden; i++)
            _dHidden[i] = _hidden[i] > 0 ? _dHidden[i] : 0;
        LayerBackward(_dHidden, _pooled, h.HiddenWeight, _hiddenWeight, _hiddenBias, _dPooled, texts, h.Dim);
    }

    /// <summary>One step of Adam with the gradient of the last backward pass.</summary>
    /// <param name="step">Number of this step, from 1.</param>
    public void Step(float rate, int step)
    {
        _adamHiddenWeight.Step(_head.HiddenWeight, _hiddenWeight, rate, step);
        _adamHiddenBias.Step(_head.HiddenBias, _hiddenBias, rate, step);
        _adamOutputWeight.Step(_head.OutputWeight, _outputWeight, rate, step);
        _adamOutputBias.Step(_head.OutputBias, _outputBias, rate, step);
    }

    /// <summary>Y = X·Wᵀ + b; X is (texts, width), W is (outputs, width), Y is (texts, outputs).</summary>
    private static void Layer(float[] x, float[] w, float[] b, float[] y, int texts, int width)
    {
        int outputs = b.Length;
        for (int text = 0; text < texts; text++)
            b.CopyTo(y.AsSpan(text * outputs));
        MatMul.Multiply(x, width, false, w, width, true, y, outputs, texts, outputs, width, accumulate: true);
    }

    /// <summary>dW = dYᵀ·X, db = Σ dY, dX = dY·W.</summary>
    private static void LayerBackward(float[] dy, float[] x, float[] w, float[] dw, float[] db, float[] dx, int texts, int width)
    {
        int outputs = db.Length;
        MatMul.Multiply(dy, outputs, true, x, width, false, dw, width, outputs, width, texts);
        MatMul.Multiply(dy, outputs, false, w, width, false, dx, width, texts, width, outputs);
        Array.Clear(db);
        for (int text = 0; text < texts; text++)
            VectorMath.AddInPlace(db, dy.AsSpan(text * outputs, outputs));
    }
}
