using System.Text.Json;
using Cleave.Cli.Shell;
using Cleave.Serving.Simulation;

namespace Cleave.Cli.Commands;

/// <summary>What a simulated fleet did, for people and for programs.</summary>
internal static class FleetFigures
{
    public static void Write(TextWriter output, FleetResult result)
    {
        var table = new TextTable("module", "machines", "requests", "refused", "p50", "p95", "p99", "first token p50", "p95", "processor");
        foreach (SimulatedTimes t in result.Modules.Append(result.All))
            table.Row(t.Module ?? "all", $"{t.Replicas}", $"{t.Requests}", $"{t.Refused}", Time(t.P50), Time(t.P95), Time(t.P99), Time(t.FirstTokenP50), Time(t.FirstTokenP95), Percent(t.Processor));
        table.Write(output);
        output.WriteLine($"{result.Options.Machines} machine{(result.Options.Machines == 1 ? "" : "s")}, {Format.Count(result.RequestsPerSecond)} requests/s for {Format.Duration(TimeSpan.FromSeconds(result.Seconds))}, "
            + $"processor {Percent(result.Processor)} on average, {Percent(result.BusiestProcessor)} on the busiest{(result.Reloads > 0 ? $", modules loaded again {result.Reloads} times" : "")}");
        if (result.MeetsTarget is { } meets)
        {
            output.WriteLine(meets ? $"{result.Options.Machines} is the fewest with which 95% of all requests are answered within {Time(result.Options.TargetMilliseconds!.Value)}"
                : $"even {result.Options.Machines} machines do not answer 95% of all requests in time");
        }
        if (result.Options.PricePerHour > 0)
            output.WriteLine($"cost {result.CostPerDay:0.##} a day{(result.CostPerMillion is { } million ? $", {million:0.####} a million requests at this rate" : "")}");
        output.WriteLine($"bottleneck: {result.Bottleneck.Sentence}");
    }

    public static void Write(Utf8JsonWriter w, FleetResult result)
    {
        w.WriteStartObject();
        w.WriteNumber("machines", result.Options.Machines);
        w.WriteNumber("seconds", Math.Round(result.Seconds, 6));
        w.WriteNumber("requests_per_s", Math.Round(result.RequestsPerSecond, 3));
        w.WriteNumber("processor", Math.Round(result.Processor, 5));
        w.WriteNumber("busiest_processor", Math.Round(result.BusiestProcessor, 5));
        w.WriteNumber("reloads", result.Reloads);
        if (result.MeetsTarget is { } meets)
            w.WriteBoolean("meets_target", meets);
        w.WriteNumber("cost_per_day", Math.Round(result.CostPerDay, 6));
        if (result.CostPerMillion is { } million)
            w.WriteNumber("cost_per_million_requests", Math.Round(million, 6));
        w.WriteStartObject("bottleneck");
        w.WriteString("kind", result.Bottleneck.Kind.ToString().ToLowerInvariant());
        w.WriteString("module", result.Bottleneck.Module);
        w.WriteString("sentence", result.Bottleneck.Sentence);
        w.WriteEndObject();
        w.WriteStartArray("modules");
        foreach (SimulatedTimes t in result.Modules)
            Write(w, t);
        w.WriteEndArray();
        w.WritePropertyName("all");
        Write(w, result.All);
        w.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter w, SimulatedTimes t)
    {
        w.WriteStartObject();
        if (t.Module is not null)
            w.WriteString("module", t.Module);
        w.WriteNumber("replicas", t.Replicas);
        w.WriteNumber("requests", t.Requests);
        w.WriteNumber("refused", t.Refused);
        w.WriteNumber("processor", Math.Round(t.Processor, 5));
        WriteTimes(w, "latency_ms", ("p50", t.P50), ("p95", t.P95), ("p99", t.P99));
        WriteTimes(w, "first_token_ms", ("p50", t.FirstTokenP50), ("p95", t.FirstTokenP95));
        w.WriteEndObject();
    }

    private static void WriteTimes(Utf8JsonWriter w, string name, params (string Name, double Value)[] times)
    {
        w.WriteStartObject(name);
        foreach ((string label, double value) in times)
            w.WriteNumber(label, Math.Round(value, 3));
        w.WriteEndObject();
    }

    private static string Time(double milliseconds) => $"{milliseconds:0.0} ms";

    private static string Percent(double part) => $"{100 * part:0}%";
}
