using System.CommandLine;
using Cleave.Cli.Shell;
using Cleave.Hub;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave pull</c>: a model of the Hugging Face Hub into the cache that Hugging Face's own tools use.</summary>
internal static class PullCommand
{
    private static readonly Argument<string> Model = new("MODEL") { Description = "hf:owner/name, with @revision (a branch, tag or commit) and :file (one file) where they matter." };
    private static readonly Option<string[]> Include = Patterns("--include", "Fetch the files that match; unless given, what a model needs: safetensors (or one GGUF file), configuration, tokenizer.");
    private static readonly Option<string[]> Exclude = Patterns("--exclude", "Leave out the files that match.");
    private static readonly Option<bool> Offline = new("--offline") { Description = "Ask nobody; say where the model is in the cache, or fail (as HF_HUB_OFFLINE=1 does)." };

    private static readonly Option<int> Workers = new("--max-workers")
    {
        Description = "Files fetched at once.",
        HelpName = "N",
        DefaultValueFactory = _ => 8,
    };

    public static Verb Create() => new Verb("pull", "Fetch a model from the Hugging Face Hub into the local cache: resumable, every hash checked; print where it is.")
    {
        Model, Include, Exclude, Workers, Offline, SharedOptions.Json,
    }
    .Example("cleave pull hf:HuggingFaceTB/SmolLM-135M", "then use hf:HuggingFaceTB/SmolLM-135M wherever a MODEL or 'base:' is asked for")
    .Example("cleave pull hf:owner/name@v1.0:model-Q8_0.gguf", "one file of a revision")
    .Example("cleave pull hf:owner/name --include '*.safetensors' --include '*.json'", "only what matches; after an interruption the same command continues")
    .Runs(Run);

    private static int Run(Call call)
    {
        var reference = HubReference.Parse(call.Get(Model));
        var selection = new FileSelection(call.Get(Include), call.Get(Exclude));
        if (reference.File is not null && selection.Include.Count + selection.Exclude.Count > 0)
            throw new CleaveException($"{reference} names one file; --include and --exclude choose among several");
        int workers = call.Positive(Workers);
        HubSettings settings = HubSettings.FromEnvironment();
        var cache = new HubCache(settings.Cache);
        if (settings.Offline || call.Get(Offline))
        {
            Write(call, new PulledModel(reference, cache.Commit(reference)!, cache.Find(reference), [], 0), settings);
            return Exit.Done;
        }
        using var client = new HubClient(settings, TimeProvider.System, call.Say);
        PulledModel pulled;
        using (ProgressLine progress = call.Progress())
            pulled = new HubPull(client, cache).RunAsync(reference, selection, workers, progress, call.Cancel).GetAwaiter().GetResult();
        Write(call, pulled, settings);
        return Exit.Done;
    }

    private static void Write(Call call, PulledModel pulled, HubSettings settings)
    {
        if (!call.Json)
        {
            if (pulled.Files.Count > 0)
            {
                call.Say($"{pulled.Reference} at commit {pulled.Commit[..12]} from {settings.Endpoint.Host}: {pulled.Files.Count} files, "
                    + $"{Format.Bytes(pulled.Files.Sum(f => f.Bytes))}, {(pulled.FetchedBytes == 0 ? "all in the cache already" : $"{Format.Bytes(pulled.FetchedBytes)} fetched")}");
            }
            call.Out.WriteLine(pulled.Place);
            return;
        }
        call.WriteJson(w =>
        {
            w.WriteStartObject();
            w.WriteString("model", HubReference.Prefix + pulled.Reference.Repository);
            w.WriteString("revision", pulled.Reference.Revision);
            w.WriteString("commit", pulled.Commit);
            w.WriteString("path", pulled.Place);
            w.WriteNumber("fetched_bytes", pulled.FetchedBytes);
            w.WriteStartArray("files");
            foreach (PulledFile file in pulled.Files)
            {
                w.WriteStartObject();
                w.WriteString("path", file.Path);
                w.WriteNumber("bytes", file.Bytes);
                w.WriteBoolean("cached", file.Cached);
                w.WriteEndObject();
            }
            w.WriteEndArray();
            w.WriteEndObject();
        });
    }

    private static Option<string[]> Patterns(string name, string description) =>
        new(name) { Description = description + " * and ? as in a shell; can be given several times.", HelpName = "PATTERN", DefaultValueFactory = _ => [] };
}
