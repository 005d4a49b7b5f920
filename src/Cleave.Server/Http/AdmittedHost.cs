using System.Diagnostics;
using Cleave.Server.Feedback;
using Cleave.Server.Observation;
using Cleave.Serving;

namespace Cleave.Server.Http;

/// <summary>A host as one request sees it, from its admission to its end.</summary>
internal sealed class AdmittedHost(IModuleHost host, Telemetry telemetry, RequestFacts facts, ModuleLoad.Presence presence, AnsweredRequests? answered, string id, string operation, ActivityContext parent) : IModuleHost
{
    private readonly long _admitted = Stopwatch.GetTimestamp();

    public IReadOnlyList<ServedModule> Modules => host.Modules;

    public bool CanRoute => host.CanRoute;

    public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation)
    {
        presence.Begin();
        facts.Waited = Stopwatch.GetElapsedTime(_admitted);
        using GenerationMeter meter = telemetry.Begin(operation, request, facts.Waited.Value, parent);
        var watched = new WatchedSink(sink, facts, meter);
        try
        {
            ModuleResult result = host.Run(request with { Id = id }, watched, cancellation);
            (facts.Choice, facts.Result) = (result.Choice, result);
            facts.Caller.Key?.Spend(result.PromptTokens + result.CompletionTokens);
            meter.Complete(result);
            answered?.Remember(id, facts.Caller.Name, result);
            return result;
        }
        catch (Exception e)
        {
            facts.Caller.Key?.Spend(watched.Pieces); // what was made before it ended; a piece is a token or more
            meter.Fail(e, cancellation.IsCancellationRequested);
            throw;
        }
    }

    public IReadOnlyList<(float[] Vector, int Tokens)> Embed(string module, IReadOnlyList<string> texts, CancellationToken cancellation)
    {
        presence.Begin();
        IReadOnlyList<(float[] Vector, int Tokens)> made = host.Embed(module, texts, cancellation);
        facts.Caller.Key?.Spend(made.Sum(m => m.Tokens));
        return made;
    }

    private sealed class WatchedSink(IResultSink sink, RequestFacts facts, GenerationMeter meter) : IResultSink
    {
        public int Pieces { get; private set; }

        public void Chosen(ModuleChoice choice)
        {
            facts.Choice = choice;
            meter.Chosen(choice);
            sink.Chosen(choice);
        }

        public void Text(string piece)
        {
            if (Pieces++ == 0)
                meter.FirstPiece();
            sink.Text(piece);
        }

        public void Text(string piece, IReadOnlyList<TokenScore> tokens)
        {
            if (Pieces++ == 0)
                meter.FirstPiece();
            sink.Text(piece, tokens);
        }
    }
}
