using System.CommandLine;
using Cleave.Cli.Shell;
using Cleave.Models;
using Cleave.Server;
using Cleave.Server.Feedback;
using Cleave.Server.Keys;
using Cleave.Serving;
using Cleave.Serving.Allocation;
using Cleave.Serving.Feedback;
using Cleave.Serving.Remote;
using Cleave.Serving.Versions;
using Cleave.Splitting.Releases;
using Cleave.Training.Adapters;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave serve</c>: an OpenAI-compatible endpoint over a release's modules, or over one model.</summary>
internal static class ServeCommand
{
    private static readonly Argument<string> Target = new("RELEASE|MODEL")
    {
        Description = "A release's folder, as 'cleave split' makes it, or a model's folder or .gguf file, hf:owner/name, or 'starter'; not needed beside --remote.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string> Urls = new("--urls")
    {
        Description = "Where to listen; several addresses with semicolons between; port 0 takes a free one.",
        HelpName = "URL",
        DefaultValueFactory = _ => "http://127.0.0.1:8080",
    };

    private static readonly Option<string?> TlsCertificate = new("--tls-cert")
    {
        Description = "The certificate that https addresses show, in PEM's form, with those that vouch for it behind it.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> TlsKey = new("--tls-key") { Description = "Its private key, in PEM's form, without a password.", HelpName = "FILE" };

    private static readonly Option<string[]> Origins = new("--cors")
    {
        Description = "Pages of this origin may ask modules from a browser; may be given again. Unless given, no page of another site may.",
        HelpName = "ORIGIN",
    };

    private static readonly Option<string?> Keys = new("--keys")
    {
        Description = "A file with one API key a line (or sha256: and its hash), and what it may do; needed to listen beyond this machine.",
        HelpName = "FILE",
    };

    private static readonly Option<int> Queue = new("--queue")
    {
        Description = "Requests that may wait; more are told to come back later.",
        HelpName = "N",
        DefaultValueFactory = _ => 64,
    };

    private static readonly Option<int?> Connections = new("--connections")
    {
        Description = "Connections that may be open at once, idle ones too; usually 16384, or what ulimit -n has room for.",
        HelpName = "N",
    };

    private static readonly Option<string?> Releases = new("--releases")
    {
        Description = "A folder; an administrator may load releases that lie below it, and change to them while requests run.",
        HelpName = "DIR",
    };

    private static readonly Option<string[]> Adapters = new("--adapter")
    {
        Description = "With a model: an adapter's folder, as 'cleave train --method lora' or PEFT makes it, and what requests call it; may be repeated. The base is computed once for all.",
        HelpName = "NAME=DIR",
    };

    private static readonly Option<string?> Audit = new("--audit")
    {
        Description = "A file that gets a line for each change an administrator makes.",
        HelpName = "FILE",
    };

    private static readonly Option<string> Log = new("--log")
    {
        Description = "Lines about requests on standard error: none, text or json. What requests say is in neither.",
        HelpName = "FORM",
        DefaultValueFactory = _ => "none",
    };

    private static readonly Option<string?> Memory = new("--memory")
    {
        Description = "Memory for modules, keys and values, such as 2GB; of modules that do not fit together the less needed are loaded when they are asked for. No limit unless given.",
        HelpName = "SIZE",
    };

    private static readonly Option<string[]> Remote = new("--remote")
    {
        Description = "A module that other Cleave servers answer for; once for each module. Several servers of it with commas between.",
        HelpName = "NAME=URL,...",
    };

    private static readonly Option<string?> RemoteKey = new("--remote-key")
    {
        Description = "A file with the key that those servers ask for.",
        HelpName = "FILE",
    };

    private static readonly Option<bool> Watch = new("--watch")
    {
        Description = "Take over new releases while requests run: RELEASE is then a link that may be changed, or a folder of releases, of which the last one by name is served.",
    };

    private static readonly Option<string> OnRelease = new("--on-release")
    {
        Description = "What a new release is given: promote, load, shadow, canary:PERCENT of the requests, or learn:PERCENT, a share that judgements of answers earn it (needs --feedback).",
        HelpName = "WHAT",
        DefaultValueFactory = _ => "promote",
    };

    private static readonly Option<string?> FeedbackFile = new("--feedback")
    {
        Description = "A file that gets a line for each judgement of an answer (POST /v1/feedback); without it none are taken.",
        HelpName = "FILE",
    };

    private static readonly Option<double?> FeedbackRisk = new("--feedback-risk")
    {
        Description = "Let judgements raise how sure modules have to be, so that no more than this of an answer is lost on average.",
        HelpName = "SHARE",
    };

    private static readonly Option<bool> FeedbackTexts = new("--feedback-corrections")
    {
        Description = "Write corrections into that file too; they are what people say.",
    };

    public static Verb Create() => new Verb("serve", "Serve a release's modules, or one model, through OpenAI's HTTP interface. Ctrl-C or SIGTERM finishes running answers and ends.")
    {
        Target, Urls, TlsCertificate, TlsKey, Origins, Keys, Queue, Connections, Adapters, Releases, Audit, Log, Watch, OnRelease, Remote, RemoteKey, FeedbackFile, FeedbackRisk, FeedbackTexts, Memory,
        ServingArguments.Weights, ServingArguments.MinimumShares, SharedOptions.Threads,
    }
    .Example("cleave serve samples/support-desk/release", "on this machine, port 8080; the model 'auto' is the router")
    .Example("cleave serve samples/support-desk/release --urls http://0.0.0.0:8080 --keys keys.txt", "for others too, with keys")
    .Example("cleave serve samples/support-desk/release --urls https://0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem --keys keys.txt", "the same, encrypted")
    .Example("cleave serve releases/2026-01 --releases releases --keys keys.txt --audit audit.jsonl --log json", "versions that change while requests run")
    .Example("cleave serve samples/support-desk/release --memory 64MB --weights reply=1,intent=4 --min-share intent=0.2", "little memory, and a module that others must not crowd out")
    .Example("cleave serve releases --watch --on-release canary:5", "the last of these releases; one that comes later answers every twentieth request")
    .Example("cleave serve releases --watch --on-release learn:50 --feedback judgements.jsonl", "a new release answers as much as people's judgements earn it, at most half")
    .Example("cleave serve releases/2026-01 --remote reply=http://10.0.0.5:8080,http://10.0.0.6:8080", "the router and most modules here, one module on two other machines")
    .Example("cleave serve starter --urls http://127.0.0.1:0", "the shipped model on a free port")
    .Example("cleave serve model.gguf", "one model as llama.cpp has it")
    .Example("cleave serve base --adapter replies=out/replies --adapter titles=out/titles", "several fine-tunings of one model, answered in one pass")
    .Runs(Run);

    private static int Run(Call call)
    {
        var options = new ServerOptions
        {
            Urls = call.Get(Urls),
            Tls = TlsOf(call),
            Origins = call.Get(Origins) ?? [],
            Keys = call.Get(Keys) is { } file ? ApiKeys.Load(file) : null,
            Waiting = call.Positive(Queue),
            Connections = call.Get(Connections),
            Releases = call.Get(Releases),
            AuditFile = call.Get(Audit),
            Log = LogOf(call, out bool json),
            JsonLog = json,
            Watch = Watched(call),
            Feedback = Feedback(call),
            Remark = call.Say,
        };
        using RemoteModules? remotes = Remotes(call);
        if (options is { Watch.Arrival.IsLearning: true, Feedback: null })
            throw new CleaveException($"--on-release {call.Get(OnRelease)} learns from judgements of answers; give them a file with --feedback FILE");
        string? target = call.Get(Target);
        bool isRelease = target is not null && (options.Watch is not null || Release.IsRelease(target));
        if (options.Feedback?.Control is not null && !isRelease)
            throw new CleaveException("--feedback-risk is for a release, whose modules can hand over to the monolith");
        if (call.Get(Adapters) is { Length: > 0 } && (target is null || isRelease))
            throw new CleaveException(target is null ? "--adapter is for a model; name the one that they were made for" : $"--adapter is for a model, and {target} is a release: its modules are whole");
        if (!isRelease && new Option[] { Memory, ServingArguments.Weights, ServingArguments.MinimumShares }.FirstOrDefault(call.Given) is { } stray)
            throw new CleaveException($"{stray.Name} shares what a release's modules need; {(target is null ? "none is served here" : target + " is a single model")}");
        if (target is null)
        {
            Serve(call, new RemoteHost(remotes ?? throw new CleaveException("say what to serve: a release, a model, or --remote NAME=URL"), null), options).GetAwaiter().GetResult();
        }
        else if (isRelease)
        {
            using var allocator = new ServingAllocator(new AllocatorOptions
            {
                Weights = ServingArguments.ReadWeights(call),
                MinimumShares = ServingArguments.ReadMinimumShares(call),
                MemoryBytes = ServingArguments.Bytes(call, Memory),
            });
            HostedVersion Open(string folder, CancellationToken cancel) => ReleaseVersion.Open(folder, allocator, options.Feedback?.Control, cancel);
            using var host = new VersionedHost(options.Watch?.OpenFirst(Open, call.Say, call.Cancel) ?? Open(target!, call.Cancel), Open);
            AllocatorOptions shared = allocator.State.Options;
            ServingArguments.CheckNames(shared.Weights.Keys.Concat(shared.MinimumShares.Keys), [.. host.Modules.Select(m => m.Name), ReleaseWriter.MonolithFolder]);
            Serve(call, With(remotes, host), options with { Allocator = allocator }).GetAwaiter().GetResult();
        }
        else
        {
            string place = ModelArgument.Place(target), name = ModelArgument.NameOf(target, place);
            LanguageModel model = ModelArgument.Load(call, target);
            using var single = new LanguageModelHost(model, name, Written(File.Exists(place) ? place : Path.Combine(place, ModelFolder.Config)), adapters: LoadAdapters(call, model, name));
            Serve(call, With(remotes, single), options).GetAwaiter().GetResult();
        }
        return Exit.Done;
    }

    private static TlsFiles? TlsOf(Call call) => (call.Get(TlsCertificate), call.Get(TlsKey)) switch
    {
        (null, null) => null,
        ({ } certificate, { } key) => new TlsFiles(certificate, key),
        _ => throw new CleaveException("--tls-cert and --tls-key belong together"),
    };

    private static AdapterBank? LoadAdapters(Call call, LanguageModel model, string name)
    {
        var adapters = new List<(string Name, string Folder)>();
        foreach (string given in call.Get(Adapters) ?? [])
        {
            if (given.Split('=', 2) is not [{ Length: > 0 } called, { Length: > 0 } folder])
                throw new CleaveException($"--adapter {given}: give a name and a folder, such as replies=out/replies");
            if (called == name || adapters.Any(a => a.Name == called))
                throw new CleaveException($"--adapter {given}: something is called '{called}' already");
            adapters.Add((called, folder));
        }
        return adapters.Count == 0 ? null : AdapterBank.Load(model.Transformer, adapters);
    }

    private static FeedbackOptions? Feedback(Call call)
    {
        double? risk = call.Get(FeedbackRisk);
        if (call.Get(FeedbackFile) is not { } file)
            return risk is null && !call.Get(FeedbackTexts) ? null : throw new CleaveException("--feedback-risk and --feedback-corrections are for --feedback FILE, which is missing");
        if (risk is not null and not (> 0 and < 1))
            throw new CleaveException($"--feedback-risk {risk}: must lie between 0 and 1, such as 0.05");
        return new FeedbackOptions(file, risk is { } share ? new EscalationControl(share) : null, call.Get(FeedbackTexts));
    }

    private static ReleaseWatch? Watched(Call call)
    {
        if (call.Get(Watch))
            return new ReleaseWatch(call.Get(Target) ?? throw new CleaveException("--watch needs a place to look at: a link to a release, or a folder of releases"), ReleaseArrival.Parse(call.Get(OnRelease)));
        return call.Given(OnRelease) ? throw new CleaveException("--on-release is for --watch, which is missing") : null;
    }

    private static IModuleHost With(RemoteModules? remotes, IModuleHost host) => remotes is null ? host : new RemoteHost(remotes, host);

    // Null where every module is here.
    private static RemoteModules? Remotes(Call call)
    {
        (string Name, IReadOnlyList<Uri>)[] servers = [.. (call.Get(Remote) ?? []).Select(RemoteModules.Parse)];
        if (servers.GroupBy(s => s.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new CleaveException($"--remote names '{twice.Key}' twice; give all of its servers at once: {twice.Key}=URL,URL");
        string? file = call.Get(RemoteKey);
        if (servers.Length == 0)
            return file is null ? null : throw new CleaveException("--remote-key is for --remote, which is missing");
        return new RemoteModules(servers, new RemoteOptions { Key = file is null ? null : KeyIn(file) });
    }

    private static string KeyIn(string file)
    {
        string key;
        try
        {
            key = File.ReadAllText(file).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CleaveException($"{file}: the key cannot be read: {e.Message}", e);
        }
        return key.Length is > 0 and <= 512 && key.All(c => c is > ' ' and <= '~') ? key : throw new CleaveException($"{file}: must hold one key, in printable ASCII without spaces, and nothing else");
    }

    private static Action<string>? LogOf(Call call, out bool json)
    {
        string form = call.Get(Log);
        json = form == "json";
        var alone = new Lock(); // requests end on many threads
        return form switch
        {
            "json" or "text" => line => { lock (alone) call.Say(line); }
            ,
            "none" => call.Verbose ? line => { lock (alone) call.Detail(line); } : null,
            _ => throw new CleaveException($"--log {form}: must be none, text or json"),
        };
    }

    private static DateTimeOffset Written(string file) => new(File.GetLastWriteTimeUtc(file));

    private static async Task Serve(Call call, IModuleHost host, ServerOptions options)
    {
        await using ModuleServer server = await ModuleServer.StartAsync(host, options, call.Cancel);
        IEnumerable<string> silent = host is RemoteHost { Remotes.State: var remote } ? remote.Where(r => r.Module is null).Select(r => r.Name) : [];
        string names = string.Join(", ", host.Modules.Select(m => m.Name).Concat(silent));
        call.Out.WriteLine($"serving {names} on {string.Join(' ', server.Addresses)}");
        call.Out.Flush();
        await Task.Delay(Timeout.Infinite, call.Cancel).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        if (!options.JsonLog)
            call.Say("stopping: running answers may finish");
        await server.StopAsync();
    }
}
