using Cleave.Data;
using Cleave.Splitting.Releases;

namespace Cleave.Serving;

/// <summary>A release's answer as one text.</summary>
public static class AnswerText
{
    /// <summary>The label, the written text, or the spans as a JSON list of <c>{"text", "start", "end", "label"}</c>.</summary>
    /// <param name="text">What the answer is about.</param>
    public static string Of(Answer answer, string text)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentNullException.ThrowIfNull(text);
        return answer.Kind switch
        {
            TaskKind.Classify => answer.Prediction.Label ?? "",
            TaskKind.Extract => FoundSpan.Write(answer.Prediction.Spans.Select(s => new FoundSpan(text[s.Start..s.End], s.Start, s.End, s.Label))),
            _ => answer.Prediction.Text ?? "",
        };
    }
}
