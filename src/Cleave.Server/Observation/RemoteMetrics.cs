using System.Diagnostics.Metrics;
using Cleave.Server.Admin;
using Cleave.Serving.Remote;

namespace Cleave.Server.Observation;

/// <summary>The servers of remote modules as metrics.</summary>
internal static class RemoteMetrics
{
    public static void Observe(Meter meter, RemoteModules remotes)
    {
        meter.CreateObservableCounter("cleave.remote.requests", () => Each(remotes, s => s.Requests), "{request}", "Requests that a server was given.");
        meter.CreateObservableCounter("cleave.remote.failures", () => Each(remotes, s => s.Failures), "{request}", "Of those, the ones in which it failed.");
        meter.CreateObservableGauge("cleave.remote.running", () => Each(remotes, s => s.Running), "{request}", "Requests that a server has.");
        meter.CreateObservableGauge("cleave.remote.server.info", () => remotes.State.SelectMany(m => m.Servers.Select(s => new Measurement<int>(1, new("module", m.Name),
            new("server", s.Address.Authority), new("health", RemoteEndpoint.NameOf(s.Health)), new("circuit", RemoteEndpoint.NameOf(s.Circuit))))), null, "1 for each server, with how it does.");
        meter.CreateObservableCounter("cleave.remote.retries", () => remotes.State.Select(m => new Measurement<long>(m.Retries, new KeyValuePair<string, object?>("module", m.Name))),
            "{request}", "Requests that were given to another server after one had failed.");
        meter.CreateObservableGauge("cleave.remote.retries.left", () => remotes.State.Select(m => new Measurement<double>(m.RetriesLeft, new KeyValuePair<string, object?>("module", m.Name))),
            "{request}", "Of those, how many there may be now.");
    }

    private static IEnumerable<Measurement<long>> Each(RemoteModules remotes, Func<RemoteServerState, long> count) =>
        remotes.State.SelectMany(m => m.Servers.Select(s => new Measurement<long>(count(s), new("module", m.Name), new("server", s.Address.Authority))));
}
