using Cleave.Numerics.Ops;
using Cleave.Training.FineTuning;

namespace Cleave.Training.Distillation;

/// <summary>
/// A teacher's distributions as the targets of a batch's rows: (1 − α)·(−log of the true token) + α·T²·KL, from the teacher to the student or the
/// other way round. A row that the student has written itself has no true token: there α is 1. Both parts of every row are kept, to be looked at.
/// </summary>
/// <param name="teacher">Has read the batch.</param>
/// <param name="reverse">KL(student ‖ teacher), which makes a student keep to what its teacher finds likely (Gu et al., 2024), in place of KL(teacher ‖ student).</param>
internal sealed class TextTargets(ITextTeacher teacher, DistillationOptions options, bool reverse) : ISoftTargets
{
    private readonly DistillationOptions _alone = options with { Weight = 1 };

    [ThreadStatic]
    private static float[]? _working;

    private float[] _hard = [], _divergence = [];
    private bool[] _own = [];

    /// <summary>Forgets the rows of the batch before.</summary>
    /// <param name="own">By row: whether the student wrote its token.</param>
    public void Start(bool[] own)
    {
        _own = own;
        if (_hard.Length != own.Length)
            (_hard, _divergence) = (new float[own.Length], new float[own.Length]);
        _hard.AsSpan().Fill(float.NaN);
        _divergence.AsSpan().Fill(float.NaN);
    }

    /// <summary>Means over the rows that have them: the loss on the true tokens, and the divergence at the teacher's temperature, in nats.</summary>
    public (double Hard, double Divergence) Means() => (Mean(_hard), Mean(_divergence));

    public void Begin(int row, int rows) => teacher.Begin(row, rows);

    public float ForwardBackward(Span<float> logits, int row, int target, float scale)
    {
        if (_working is null || _working.Length < logits.Length)
            _working = new float[logits.Length];
        Span<float> probabilities = _working.AsSpan(0, logits.Length);
        teacher.Probabilities(row, logits, probabilities);
        DistillationOptions mix = _own[row] ? _alone : options;
        float hard, divergence;
        if (reverse)
        {
            (hard, divergence) = MixedTargets.ForwardBackwardReverse(logits, probabilities, target, mix, scale);
        }
        else
        {
            double entropy = Entropy(probabilities);
            (hard, float soft) = MixedTargets.ForwardBackward(logits, probabilities, target, mix, scale);
            divergence = (float)(soft - entropy);
        }
        _divergence[row] = divergence;
        if (!_own[row])
            _hard[row] = hard;
        return MixedTargets.Mix(hard, divergence, mix);
    }

    private static double Mean(float[] values)
    {
        double sum = 0;
        int count = 0;
        foreach (float value in values)
        {
            if (float.IsNaN(value))
                continue;
            sum += value;
            count++;
        }
        return sum / count;
    }

    private static double Entropy(ReadOnlySpan<float> probabilities)
    {
        double sum = 0;
        foreach (float p in probabilities)
            sum -= p > 0 ? p * MathF.Log(p) : 0;
        return sum;
    }
}
