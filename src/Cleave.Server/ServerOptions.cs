using Cleave.Server.Feedback;
using Cleave.Server.Keys;
using Cleave.Serving;
using Cleave.Serving.Allocation;
using Cleave.Serving.Versions;

namespace Cleave.Server;

/// <summary>How a server listens and what it refuses.</summary>
public sealed record ServerOptions
{
    /// <summary>Addresses such as <c>http://127.0.0.1:8080</c>, separated by semicolons; port 0 takes a free one.</summary>
    public string Urls { get; init; } = "http://127.0.0.1:8080";

    /// <summary>What addresses with <c>https</c> show; null where there is none.</summary>
    public TlsFiles? Tls { get; init; }

    /// <summary>Origins such as <c>https://app.example.org</c> whose pages may ask from a browser; empty: none (<see cref="Http.CrossOrigin"/>).</summary>
    public IReadOnlyList<string> Origins { get; init; } = [];

    /// <summary>Keys that requests must bring, or null where everyone who reaches the server may ask.</summary>
    public ApiKeys? Keys { get; init; }

    /// <summary>Requests that are answered at once, each by a thread that mostly waits: the host computes those to one model together.</summary>
    public int Workers { get; init; } = ServingLimits.Workers;

    /// <summary>Requests that may wait for a worker; more are answered with 429.</summary>
    public int Waiting { get; init; } = ServingLimits.Waiting;

    /// <summary>Connections that may be open at once, idle ones too; null: 16,384, or as many as the process may open files for.</summary>
    public int? Connections { get; init; }

    public long MaxBodyBytes { get; init; } = 1 << 20;

    /// <summary>The largest <c>max_tokens</c> that a request may ask for.</summary>
    public int MaxTokens { get; init; } = 32_768;

    /// <summary>How long running requests may finish in when the server stops.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a client may take to send the head of a request.</summary>
    public TimeSpan HeadersTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a client may send a body at less than 240 bytes a second; above 1 s.</summary>
    public TimeSpan SlowBody { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A folder; administrators may load releases that lie below it. Null: they may load none.</summary>
    public string? Releases { get; init; }

    /// <summary>Where new releases are looked for while requests run; null: nowhere. Only over a <see cref="VersionedHost"/>.</summary>
    public ReleaseWatch? Watch { get; init; }

    /// <summary>How often they are looked for.</summary>
    public TimeSpan WatchEvery { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Hears in lines what the server does by itself, such as with new releases, where nobody hears its log; null: nobody.</summary>
    public Action<string>? Remark { get; init; }

    /// <summary>A file that gets a line of JSON for each change that administrators or a watch make; null: none is written.</summary>
    public string? AuditFile { get; init; }

    /// <summary>What the host's modules share processor and memory by; what it does is then told, and administrators may change it. Null: nothing is told.</summary>
    public ServingAllocator? Allocator { get; init; }

    /// <summary>Where people's judgements of answers go; null: none are taken.</summary>
    public FeedbackOptions? Feedback { get; init; }

    /// <summary>Hears one line about each request, and about errors of the program itself; null: nobody.</summary>
    public Action<string>? Log { get; init; }

    /// <summary>Whether those lines are JSON documents. Neither form holds what requests say or are answered.</summary>
    public bool JsonLog { get; init; }

    /// <summary>What deadlines are counted by.</summary>
    internal TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <exception cref="CleaveException">A value is out of range, or the server would be open to the network without keys.</exception>
    internal IReadOnlyList<ListenAddress> Checked()
    {
        if (HeadersTimeout <= TimeSpan.Zero || SlowBody <= TimeSpan.FromSeconds(1))
            throw new CleaveException("the time for a request's head must be positive, that for a slow body more than 1 s");
        if (Connections < 1)
            throw new CleaveException("at least one connection must be allowed");
        if (Workers < 1 || Waiting < 1 || MaxBodyBytes < 1024 || MaxTokens < 1 || Drain < TimeSpan.Zero)
            throw new CleaveException("workers, waiting requests and tokens must be at least 1, a body's limit 1024 bytes, the time to drain not negative");
        IReadOnlyList<ListenAddress> addresses = ListenAddress.Parse(Urls);
        if (Keys is null && addresses.FirstOrDefault(a => !a.IsLoopback) is { } open)
            throw new CleaveException($"{open}: others than this machine could reach it; give --keys FILE, or listen on 127.0.0.1");
        if (Tls is null && addresses.FirstOrDefault(a => a.IsSecure) is { } secure)
            throw new CleaveException($"{secure}: needs a certificate; give --tls-cert FILE and --tls-key FILE");
        if (Tls is not null && !addresses.Any(a => a.IsSecure))
            throw new CleaveException($"a certificate is given, but {Urls} is not https");
        Tls?.Load();
        return addresses;
    }
}
