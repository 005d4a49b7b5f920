using System.CommandLine;
using Cleave.Cli.Shell;
using Cleave.Models;
using Cleave.Server;
using Cleave.Server.Keys;
using Cleave.Serving;
using Cleave.Serving.Allocation;
using Cleave.Serving.Versions;
using Cleave.Splitting.Releases;
using Cleave.Training.Adapters;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave serve</c>: an OpenAI-compatible endpoint over a release's modules, or over one model.</summary>
internal static class ServeCommand
{
    private static readonly Argument<string> Target = new("RELEASE|MODEL") { Description = "A release's folder, as 'cleave split' makes it, or a model's folder, or 'starter'." };

    private static readonly Option<string> Urls = new("--urls")
    {
        Description = "Where to listen; several addresses with semicolons between; port 0 takes a free one.",
        HelpName = "URL",
        DefaultValueFactory = _ => "http://127.0.0.1:8080",
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

    public static Verb Create() => new Verb("serve", "Serve a release's modules, or one model, through OpenAI's HTTP interface. Ctrl-C or SIGTERM finishes running answers and ends.")
    {
        Target, Urls, Keys, Queue, Connections, Adapters, Releases, Audit, Log, Memory, ServingArguments.Weights, ServingArguments.MinimumShares, SharedOptions.Threads,
    }
    .Example("cleave serve samples/support-desk/release", "on this machine, port 8080; the model 'auto' is the router")
    .Example("cleave serve samples/support-desk/release --urls http://0.0.0.0:8080 --keys keys.txt", "for others too, with keys")
    .Example("cleave serve releases/2026-01 --releases releases --keys keys.txt --audit audit.jsonl --log json", "versions that change while requests run")
    .Example("cleave serve samples/support-desk/release --memory 64MB --weights reply=1,intent=4 --min-share intent=0.2", "little memory, and a module that others must not crowd out")
    .Example("cleave serve starter --urls http://127.0.0.1:0", "the shipped model on a free port")
    .Example("cleave serve base --adapter replies=out/replies --adapter titles=out/titles", "several fine-tunings of one model, answered in one pass")
    .Runs(Run);

    private static int Run(Call call)
    {
        var options = new ServerOptions
        {
            Urls = call.Get(Urls),
            Keys = call.Get(Keys) is { } file ? ApiKeys.Load(file) : null,
            Waiting = call.Positive(Queue),
            Connections = call.Get(Connections),
            Releases = call.Get(Releases),
            AuditFile = call.Get(Audit),
            Log = LogOf(call, out bool json),
            JsonLog = json,
        };
        string target = call.Get(Target);
        if (!Release.IsRelease(target))
        {
            if (new Option[] { Memory, ServingArguments.Weights, ServingArguments.MinimumShares }.FirstOrDefault(call.Given) is { } stray)
                throw new CleaveException($"{stray.Name} shares what a release's modules need; {target} is a single model");
            string folder = ModelArgument.Folder(call, Target);
            LanguageModel model = ModelFolder.LoadFrozen(folder);
            string name = ModelArgument.NameOf(target, folder);
            using var single = new LanguageModelHost(model, name, Written(Path.Combine(folder, ModelFolder.Config)), adapters: LoadAdapters(call, model, name));
            Serve(call, single, options).GetAwaiter().GetResult();
            return Exit.Done;
        }
        if (call.Get(Adapters) is { Length: > 0 })
            throw new CleaveException($"--adapter is for a model, and {target} is a release: its modules are whole");
        using var allocator = new ServingAllocator(new AllocatorOptions
        {
            Weights = ServingArguments.ReadWeights(call),
            MinimumShares = ServingArguments.ReadMinimumShares(call),
            MemoryBytes = ServingArguments.Bytes(call, Memory),
        });
        using var host = new VersionedHost(ReleaseVersion.Open(target, allocator, call.Cancel), (folder, cancel) => ReleaseVersion.Open(folder, allocator, cancel));
        AllocatorOptions shared = allocator.State.Options;
        ServingArguments.CheckNames(shared.Weights.Keys.Concat(shared.MinimumShares.Keys), [.. host.Modules.Select(m => m.Name), ReleaseWriter.MonolithFolder]);
        Serve(call, host, options with { Allocator = allocator }).GetAwaiter().GetResult();
        return Exit.Done;
    }

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
        string names = string.Join(", ", host.Modules.Select(m => m.Name));
        call.Out.WriteLine($"serving {names} on {string.Join(' ', server.Addresses)}");
        call.Out.Flush();
        await Task.Delay(Timeout.Infinite, call.Cancel).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        if (!options.JsonLog)
            call.Say("stopping: running answers may finish");
        await server.StopAsync();
    }
}
