using System.Diagnostics;
using Cleave.Data;
using Cleave.Serving;

namespace Cleave.Tests.Server;

/// <summary>
/// A small host whose answers can be worked out by hand: <c>mood</c> classifies by the last character, <c>reply</c>
/// counts upwards in words until it may not. A word is a token.
/// </summary>
internal sealed class WordHost : IModuleHost
{
    private const int Context = 16;
    private static readonly DateTimeOffset Made = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    /// <summary>Called before each word of an answer; tests block or fail here.</summary>
    public Action<int, CancellationToken> BeforeWord { get; set; } = (_, _) => { };

    public List<ModuleRequest> Seen { get; } = [];

    public IReadOnlyList<ServedModule> Modules { get; } =
        [new("mood", TaskKind.Classify, Made, Context), new("reply", TaskKind.Generate, Made.AddDays(1), Context), new("größe", TaskKind.Classify, Made, Context)];

    public bool CanRoute { get; init; } = true;

    public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation)
    {
        lock (Seen)
            Seen.Add(request);
        long started = Stopwatch.GetTimestamp();
        bool routed = request.Module == ModuleRequest.Auto;
        string name = routed ? request.Text.Contains("reply", StringComparison.Ordinal) ? "reply" : "mood" : request.Module;
        ServedModule module = Modules.First(m => m.Name == name);
        int prompt = request.Text.Split(' ').Length;
        if (prompt >= Context)
            throw RequestException.TooLong(prompt, module);
        var choice = new ModuleChoice(name, name, routed ? Route.Router : Route.Named);
        if (module.Kind == TaskKind.Classify)
        {
            string label = request.Text.EndsWith('!') ? "loud" : "calm";
            sink.Chosen(choice);
            sink.Text(label);
            return new ModuleResult(choice, label, FinishReason.Stop, prompt, 1, 0.75, Stopwatch.GetElapsedTime(started));
        }
        int most = Math.Min(request.MaxTokens ?? 5, Context - prompt);
        var stops = new StopTexts(request.Stop);
        var text = new System.Text.StringBuilder();
        int made = 0;
        while (made < most && !stops.Stopped)
        {
            cancellation.ThrowIfCancellationRequested();
            BeforeWord(made, cancellation);
            if (made == 0)
            {
                sink.Chosen(choice);
                sink.Reading(prompt);
            }
            Say(stops.Push(made++ == 0 ? "1" : $" {made}"));
        }
        Say(stops.Finish());
        return new ModuleResult(choice, text.ToString(), stops.Stopped ? FinishReason.Stop : FinishReason.Length, prompt, made, null,
            Stopwatch.GetElapsedTime(started));

        void Say(string piece)
        {
            if (piece.Length == 0)
                return;
            text.Append(piece);
            sink.Text(piece);
        }
    }
}
