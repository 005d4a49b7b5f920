using System.Globalization;
using Cleave.Tuning;
using Cleave.Tuning.Advice;

namespace Cleave.Tests.Tuning.Advice;

/// <summary>A model whose answers a test writes: the number of the question, from 0, and the prompt go in.</summary>
internal sealed class ScriptedModel(Func<int, AdvicePrompt, CancellationToken, Task<string>> answer) : IAdviceModel
{
    public ScriptedModel(Func<int, string> answer) : this((n, _, _) => Task.FromResult(answer(n))) { }

    public string Name => "scripted";

    public int MostPromptCharacters { get; init; } = 20_000;

    public List<AdvicePrompt> Asked { get; } = [];

    public Task<string> AskAsync(AdvicePrompt prompt, CancellationToken cancellation)
    {
        Asked.Add(prompt);
        return answer(Asked.Count - 1, prompt, cancellation);
    }

    public static string Proposing(params IEnumerable<string> sets) => "{\"proposals\": [" + string.Join(", ", sets.Select(s => $"{{\"reason\": \"why\", \"params\": {s}}}")) + "]}";

    /// <summary>An answer with the points (x, y).</summary>
    public static string Points(params IEnumerable<(double X, double Y)> points) =>
        Proposing(points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{{\"x\": {p.X:R}, \"y\": {p.Y:R}}}")));

    public Advisor Advisor(AdviceLog log, TimeSpan? timeout = null) => new(this, new AdviceBriefing("a test", null, UnderstoodRequest.None), log, timeout ?? TimeSpan.FromMinutes(1), TimeProvider.System);
}
