using System.Diagnostics;
using Cleave.Server.Feedback;
using Cleave.Server.Observation;
using Cleave.Serving;
using Cleave.Serving.Tools;

namespace Cleave.Server.Http;

/// <summary>A host as one request sees it, from its admission to its end.</summary>
internal sealed class AdmittedHost(IModuleHost host, Telemetry telemetry, RequestFacts facts, ModuleLoad.Presence presence, AnsweredRequests? answered, string id, string operation, ActivityContext parent) : IModuleHost
{
    private readonly long _admitted = Stopwatch.GetTimestamp();

    public IReadOnlyList<ServedModule> Modules => host.Modules;

    public bool CanRoute => host.CanRoute;

    public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation)
    {
        TimeSpan waited = Begin();
        using GenerationMeter meter = telemetry.Begin(operation, request, waited, parent);
        var watched = new WatchedSink(sink, facts, meter);
        try
        {
            ModuleResult result = host.Run(request with { Id = id }, watched, cancellation);
            // Of a prompt with several answers the tokens are counted once.
            int prompt = facts.Answered(result) ? result.PromptTokens : 0;
            facts.Caller.Key?.Spend(prompt + result.CompletionTokens);
            meter.Complete(result, prompt);
            answered?.Remember(id, facts.Caller.Name, result);
            return result;
        }
        catch (Exception e)
        {
            // What was read and made before it ended; a piece is a token or more.
            facts.Caller.Key?.Spend((watched.PromptTokens > 0 && facts.Broken() ? watched.PromptTokens : 0) + watched.Pieces);
            meter.Fail(e, cancellation.IsCancellationRequested);
            throw;
        }
    }

    /// <inheritdoc/>
    /// <remarks>Each text counts as a request of its own, with the time that all of them took together.</remarks>
    public IReadOnlyList<ModuleResult> Judge(IReadOnlyList<ModuleRequest> requests, CancellationToken cancellation)
    {
        TimeSpan waited = Begin();
        GenerationMeter[] meters = [.. requests.Select(r => telemetry.Begin(operation, r, waited, parent))];
        try
        {
            IReadOnlyList<ModuleResult> results = host.Judge([.. requests.Select(r => r with { Id = id })], cancellation);
            foreach ((ModuleResult result, GenerationMeter meter) in results.Zip(meters))
            {
                facts.Judged(result);
                facts.Caller.Key?.Spend(result.PromptTokens + result.CompletionTokens);
                meter.Complete(result, result.PromptTokens);
                answered?.Remember(id, facts.Caller.Name, result);
            }
            return results;
        }
        catch (Exception e)
        {
            foreach (GenerationMeter meter in meters)
                meter.Fail(e, cancellation.IsCancellationRequested);
            throw;
        }
        finally
        {
            // The last one first: each goes back to the activity that was there before it.
            foreach (GenerationMeter meter in meters.Reverse())
                meter.Dispose();
        }
    }

    public IReadOnlyList<(float[] Vector, int Tokens)> Embed(string module, IReadOnlyList<string> texts, CancellationToken cancellation)
    {
        TimeSpan waited = Begin();
        using GenerationMeter meter = telemetry.Begin(operation, new ModuleRequest { Module = module }, waited, parent);
        long begun = Stopwatch.GetTimestamp();
        try
        {
            IReadOnlyList<(float[] Vector, int Tokens)> made = host.Embed(module, texts, cancellation);
            var result = new ModuleResult(new ModuleChoice(module, module, Route.Named), "", FinishReason.Stop, made.Sum(m => m.Tokens), 0, null, Stopwatch.GetElapsedTime(begun));
            facts.Judged(result);
            facts.Caller.Key?.Spend(result.PromptTokens);
            meter.Complete(result, result.PromptTokens);
            return made;
        }
        catch (Exception e)
        {
            meter.Fail(e, cancellation.IsCancellationRequested);
            throw;
        }
    }

    private TimeSpan Begin()
    {
        presence.Begin();
        TimeSpan waited = Stopwatch.GetElapsedTime(_admitted);
        if (facts.Begun(waited))
            facts.Caller.CheckTokens(); // others of the key's requests may have spent them while this one waited
        return waited;
    }

    private sealed class WatchedSink(IResultSink sink, RequestFacts facts, GenerationMeter meter) : IResultSink
    {
        public int Pieces { get; private set; }

        public int PromptTokens { get; private set; }

        public void Chosen(ModuleChoice choice)
        {
            facts.Choice = choice;
            meter.Chosen(choice);
            sink.Chosen(choice);
        }

        public void Reading(int promptTokens) => PromptTokens += promptTokens;

        public void Text(string piece)
        {
            Count();
            sink.Text(piece);
        }

        public void Text(string piece, IReadOnlyList<TokenScore> tokens)
        {
            Count();
            sink.Text(piece, tokens);
        }

        public void Call(ToolCallPiece piece)
        {
            Count();
            sink.Call(piece);
        }

        private void Count()
        {
            if (Pieces++ == 0)
                meter.FirstPiece();
        }
    }
}
