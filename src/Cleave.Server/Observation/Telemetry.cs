using System.Diagnostics;
using System.Diagnostics.Metrics;
using Cleave.Serving;

namespace Cleave.Server.Observation;

/// <summary>
/// What a server tells about itself, through .NET's own meters and activities, so that any collector can listen. Names that begin with
/// <c>gen_ai.</c> are those of OpenTelemetry's semantic conventions for generative AI (development status, 2025).
/// </summary>
internal sealed class Telemetry : IDisposable
{
    public const string Name = "Cleave.Server", Provider = "cleave";

    private static readonly ActivitySource Activities = new(Name);
    private static readonly InstrumentAdvice<double> Durations = new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92] };
    private static readonly InstrumentAdvice<double> PerToken = new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5] };
    private static readonly InstrumentAdvice<long> Tokens = new() { HistogramBucketBoundaries = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576] };

    private int _active;

    public Telemetry()
    {
        Meter = new Meter(Name);
        Duration = Meter.CreateHistogram("gen_ai.server.request.duration", "s", "Time of a request on the server, from its admission to its last token.", null, Durations);
        FirstToken = Meter.CreateHistogram("gen_ai.server.time_to_first_token", "s", "From a request's admission to the first piece of its answer.", null, Durations);
        PerOutputToken = Meter.CreateHistogram("gen_ai.server.time_per_output_token", "s", "Between tokens behind the first one.", null, PerToken);
        TokenUsage = Meter.CreateHistogram("gen_ai.client.token.usage", "{token}", "Tokens of a request and of its answer.", null, Tokens);
        Queue = Meter.CreateHistogram("cleave.queue.duration", "s", "From a request's admission until its turn came.", null, Durations);
        Requests = Meter.CreateCounter<long>("cleave.requests", "{request}", "Requests by the module that answered, how they came to it, and how they ended.");
        Escalations = Meter.CreateCounter<long>("cleave.escalations", "{request}", "Requests that a module was too unsure for, so that the monolith answered.");
        Http = Meter.CreateCounter<long>("cleave.http.requests", "{request}", "HTTP requests by endpoint and status.");
        LostLines = Meter.CreateCounter<long>("cleave.log.lost", "{line}", "Lines of the log that could not be written.");
        Meter.CreateObservableGauge("cleave.module.requests", Load.Measure, "{request}", "Requests for a module: that wait for their turn, and that have it.");
        Meter.CreateObservableGauge("cleave.requests.active", () => _active, "{request}", "Requests that are being computed.");
        Meter.CreateObservableUpDownCounter("process.memory.usage", () => Environment.WorkingSet, "By", "Memory of this process.");
    }

    public Meter Meter { get; }

    /// <summary>The requests that are on the server.</summary>
    public ModuleLoad Load { get; } = new();

    public Histogram<double> Duration { get; }
    public Histogram<double> FirstToken { get; }
    public Histogram<double> PerOutputToken { get; }
    public Histogram<long> TokenUsage { get; }
    public Histogram<double> Queue { get; }
    public Counter<long> Requests { get; }
    public Counter<long> Escalations { get; }
    public Counter<long> Http { get; }
    public Counter<long> LostLines { get; }

    /// <summary>Begins to measure one request, on the thread that computes it.</summary>
    /// <param name="waited">Since its admission.</param>
    public GenerationMeter Begin(string operation, ModuleRequest request, TimeSpan waited, ActivityContext parent)
    {
        Interlocked.Increment(ref _active);
        return new GenerationMeter(this, Activities.StartActivity($"{operation} {request.Module}", ActivityKind.Server, parent), operation, request, waited);
    }

    public void End() => Interlocked.Decrement(ref _active);

    public void Dispose() => Meter.Dispose();
}
