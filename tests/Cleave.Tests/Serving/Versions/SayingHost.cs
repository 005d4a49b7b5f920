using System.Security.Cryptography;
using System.Text;
using Cleave.Data;
using Cleave.Models.Sampling.Grammars;
using Cleave.Serving;
using Cleave.Serving.Versions;

namespace Cleave.Tests.Serving.Versions;

/// <summary>A version whose every word is its name, so that a mixture shows; it notices when it is used after, or given back before, its time.</summary>
internal sealed class SayingHost(string name) : IModuleHost, IDisposable
{
    private int _running, _runs;

    /// <summary>Called between the words of an answer.</summary>
    public Action BetweenWords { get; set; } = () => { };

    public bool IsDisposed { get; private set; }

    /// <summary>What must not happen.</summary>
    public string? Fault { get; private set; }

    public int Runs => _runs;

    /// <summary>How many texts came together, each time that texts were judged.</summary>
    public List<int> Together { get; } = [];

    public IReadOnlyList<ServedModule> Modules { get; init; } = [new("reply", TaskKind.Generate, DateTimeOffset.UnixEpoch, null), new("mood", TaskKind.Classify, DateTimeOffset.UnixEpoch, null)];

    public bool CanRoute => true;

    public static string HashOf(string name) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)));

    public HostedVersion Version(string project = "desk") => new(HashOf(name), project, name, this, [this]);

    public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _running);
        Interlocked.Increment(ref _runs);
        try
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            switch (request.Text)
            {
                case "fail":
                    throw new InvalidOperationException("as asked");
                case "too long":
                    throw new CapacityException("as asked");
                case "no such rules":
                    throw new GrammarException("rules", "as asked");
                case "busy":
                    throw new BusyException("as asked", 1);
            }
            string asked = Modules.Any(m => m.Name == request.Module && m.Kind == TaskKind.Classify) ? request.Module : "reply";
            var choice = new ModuleChoice(asked, asked, Route.Named);
            sink.Chosen(choice);
            for (int i = 0; i < 3; i++)
            {
                sink.Text(i == 0 ? name : " " + name);
                BetweenWords();
                cancellation.ThrowIfCancellationRequested();
                if (IsDisposed)
                    Fault = "given back while it answered";
            }
            return new ModuleResult(choice, $"{name} {name} {name}", FinishReason.Stop, 1, 3, null, TimeSpan.FromMilliseconds(2));
        }
        catch (ObjectDisposedException)
        {
            Fault = "used after it was given back";
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    public IReadOnlyList<ModuleResult> Judge(IReadOnlyList<ModuleRequest> requests, CancellationToken cancellation)
    {
        lock (Together)
            Together.Add(requests.Count);
        return [.. requests.Select(r => Run(r, new Nobody(), cancellation))];
    }

    public void Dispose()
    {
        if (Volatile.Read(ref _running) > 0)
            Fault = "given back while it answered";
        IsDisposed = true;
    }

    private sealed class Nobody : IResultSink
    {
        public void Chosen(ModuleChoice choice) { }

        public void Text(string piece) { }
    }
}
