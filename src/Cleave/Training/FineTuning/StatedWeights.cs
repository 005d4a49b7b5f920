using System.Globalization;
using Cleave.Formats;

namespace Cleave.Training.FineTuning;

/// <summary>Weights of classes as a person states them: <c>urgent=4,spam=0.5</c>; a class that is not named has 1.</summary>
internal static class StatedWeights
{
    /// <exception cref="CleaveException">A part is no label with a positive number.</exception>
    public static float[] Of(string text, IReadOnlyList<string> labels)
    {
        var weights = new float[labels.Count];
        Array.Fill(weights, 1);
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            int at = part.LastIndexOf('=');
            string label = at > 0 ? part[..at].TrimEnd() : part;
            int index = labels.ToList().IndexOf(label);
            if (index < 0)
                throw new CleaveException($"class-weights: the task has no class '{label}' ({Suggest.Hint(label, labels)})");
            if (!float.TryParse(part.AsSpan(at + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out weights[index]) || !(weights[index] > 0 && float.IsFinite(weights[index])))
                throw new CleaveException($"class-weights: '{part}' is not a class with a number above 0, such as urgent=4");
        }
        return weights;
    }
}
