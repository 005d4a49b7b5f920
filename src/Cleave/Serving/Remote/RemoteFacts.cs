using System.Globalization;
using System.Net.Http.Headers;
using Cleave.Evaluation.Energy;
using Cleave.Json;

namespace Cleave.Serving.Remote;

/// <summary>What a server says of its answer besides the answer; what is missing or makes no sense is left out.</summary>
internal sealed record RemoteFacts(ModuleChoice Choice, double? Confidence, TimeSpan Compute, TimeSpan Waited, EnergyUse? Energy)
{
    private const int MostName = 256;
    private const double MostMilliseconds = 1e9;

    /// <param name="name">What the module is called here.</param>
    /// <param name="route">How the request came to be given to the server.</param>
    public static RemoteFacts Of(HttpResponseHeaders headers, string name, Route route)
    {
        Route there = Text(headers, "x-cleave-route") switch { "escalated" => Route.Escalated, "router" => Route.Router, _ => route };
        var choice = new ModuleChoice(Name(headers, "x-cleave-module") ?? name, Name(headers, "x-cleave-task") ?? name, there) { Version = Version(headers) };
        return new RemoteFacts(choice, Share(Number(headers, "x-cleave-confidence")), Time(Number(headers, "x-cleave-compute-ms")), Time(Number(headers, "x-cleave-queue-ms")),
            Use(Number(headers, "x-cleave-joules"), Text(headers, "x-cleave-energy")));
    }

    /// <summary>With what the end of a stream adds: the member <c>cleave</c>.</summary>
    public RemoteFacts With(JsonCursor? end) => end is null ? this : this with
    {
        Confidence = Share(end.Find("confidence")?.Number()),
        Compute = Time(end.Find("compute_ms")?.Number()),
        Waited = Time(end.Find("queue_ms")?.Number()),
        Energy = Use(end.Find("joules")?.Number(), end.Find("energy")?.Text()),
    };

    private static string? Text(HttpResponseHeaders headers, string name) => headers.TryGetValues(name, out IEnumerable<string>? values) ? values.First() : null;

    private static double? Number(HttpResponseHeaders headers, string name) =>
        double.TryParse(Text(headers, name), NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : null;

    // Names come from project files and are escaped on their way.
    private static string? Name(HttpResponseHeaders headers, string name) =>
        Text(headers, name) is { } said && Uri.UnescapeDataString(said) is { Length: > 0 and <= MostName } plain && CleaveException.OneLine(plain) == plain ? plain : null;

    private static string? Version(HttpResponseHeaders headers) => Text(headers, "x-cleave-version") is { Length: 64 } hash && hash.All(char.IsAsciiHexDigitLower) ? hash : null;

    private static double? Share(double? value) => value is >= 0 and <= 1 ? value : null;

    private static TimeSpan Time(double? milliseconds) => milliseconds is >= 0 and <= MostMilliseconds ? TimeSpan.FromMilliseconds(milliseconds.Value) : TimeSpan.Zero;

    // How far an estimate may be off, and the processor time behind it, are not told.
    private static EnergyUse? Use(double? joules, string? method) => joules is >= 0 and <= 1e12 && method is "measured" or "estimated"
        ? new EnergyUse(joules.Value, 0, method == "measured", 0) : null;
}
