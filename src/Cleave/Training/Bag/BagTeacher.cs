using Cleave.Numerics.Kernels;

namespace Cleave.Training.Bag;

/// <summary>
/// A teacher's answers to the training texts, learnt beside the labels: the loss of a text becomes
/// (1 − α)·CE(labels) + α·T²·KL(softmax(teacher/T) ‖ softmax(student/T)) (Hinton, Vinyals and Dean, 2015).
/// </summary>
public sealed class BagTeacher
{
    private const float SmallestProbability = 1e-7f;
    private readonly float[][] _probabilities;
    private readonly double[] _entropy;

    /// <param name="logits">One row a training text, one value a class.</param>
    /// <param name="temperature">T</param>
    /// <param name="weight">α, from 0 to 1.</param>
    public BagTeacher(IReadOnlyList<float[]> logits, float temperature = 1, float weight = 0.5f)
    {
        ArgumentNullException.ThrowIfNull(logits);
        if (!(temperature > 0 && float.IsFinite(temperature)))
            throw new ArgumentException($"temperature {temperature}: a positive number is needed", nameof(temperature));
        if (weight is not (>= 0 and <= 1))
            throw new ArgumentException($"weight {weight}: 0 to 1", nameof(weight));
        (Temperature, Weight) = (temperature, weight);
        _probabilities = new float[logits.Count][];
        _entropy = new double[logits.Count];
        for (int text = 0; text < logits.Count; text++)
            (_probabilities[text], _entropy[text]) = Soften(logits[text], temperature);
    }

    public float Temperature { get; }

    public float Weight { get; }

    public int Texts => _probabilities.Length;

    /// <summary>A teacher that gives probabilities, not logits; zeros count as 10⁻⁷.</summary>
    public static BagTeacher FromProbabilities(IReadOnlyList<float[]> probabilities, float temperature = 1, float weight = 0.5f)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        return new BagTeacher([.. probabilities.Select(row => Array.ConvertAll(row, p => MathF.Log(Math.Max(p, SmallestProbability))))],
            temperature, weight);
    }

    /// <summary>softmax(teacher/T) of a text.</summary>
    internal ReadOnlySpan<float> Probabilities(int text) => _probabilities[text];

    /// <summary>α·T²·KL of a text; the logits are replaced by the share times its derivative.</summary>
    internal double ForwardBackward(int text, Span<float> logits, float share)
    {
        float scale = Weight * Temperature * Temperature;
        double cross = CrossEntropy.ForwardBackwardSoft(logits, _probabilities[text], Temperature, scale * share);
        return scale * (cross - _entropy[text]);
    }

    private static (float[] Probabilities, double Entropy) Soften(float[] logits, float temperature)
    {
        var p = new float[logits.Length];
        double max = logits.Max(), sum = 0, entropy = 0;
        foreach (float z in logits)
            sum += Math.Exp((z - max) / temperature);
        for (int c = 0; c < p.Length; c++)
        {
            double log = ((logits[c] - max) / temperature) - Math.Log(sum), value = Math.Exp(log);
            p[c] = (float)value;
            entropy -= value * log;
        }
        if (!double.IsFinite(sum))
            throw new ArgumentException("a teacher's logits must be finite numbers", nameof(logits));
        return (p, entropy);
    }
}
