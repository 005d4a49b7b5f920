using Cleave.Numerics.Kernels;

namespace Cleave.Training.FineTuning;

/// <summary>
/// Finds the answer to a question from two scores a token, that it begins and that it ends there (Devlin et al., 2019). The
/// first row stands for the answer that there is none (Rajpurkar et al., 2018).
/// </summary>
public static class AnswerSpan
{
    /// <summary>An answer has at most this many tokens.</summary>
    public const int MostTokens = 30;

    private const int Columns = 2;

    /// <param name="scores">(1 + tokens of the text, 2): beginning and end.</param>
    /// <returns>The first and last of the text's tokens, −1 where there is no answer; and the product of both probabilities.</returns>
    public static (int First, int Last, double Probability) Find(ReadOnlySpan<float> scores)
    {
        int rows = scores.Length / Columns;
        float[] begins = new float[rows], ends = new float[rows];
        for (int r = 0; r < rows; r++)
            (begins[r], ends[r]) = (scores[r * Columns], scores[r * Columns + 1]);
        (int first, int last) = (0, 0);
        for (int i = 1; i < rows; i++)
        {
            for (int j = i; j < Math.Min(rows, i + MostTokens); j++)
            {
                if (begins[i] + ends[j] > begins[first] + ends[last])
                    (first, last) = (i, j);
            }
        }
        double probability = Math.Exp(-CrossEntropy.Loss(begins, first) - CrossEntropy.Loss(ends, last));
        return (first - 1, last - 1, probability);
    }
}
