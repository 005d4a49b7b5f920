using Cleave.Formats.Safetensors;

namespace Cleave.Hub;

/// <summary>Which of a repository's files are fetched.</summary>
/// <param name="Include">Patterns; empty for what a model needs.</param>
/// <param name="Exclude">Patterns of files that are left out all the same.</param>
public sealed record FileSelection(IReadOnlyList<string> Include, IReadOnlyList<string> Exclude)
{
    private const int Named = 6;
    private static readonly string[] Pickles = [".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack"];
    private static readonly string[] Texts = [".json", ".txt", ".model", ".jinja", ".tiktoken", ".md", ".yaml", ".yml"];
    private static readonly FilePatterns Shards = new(["model-?????-of-?????.safetensors"]);

    public static FileSelection Default { get; } = new([], []);

    /// <summary>The files that are meant, in the listing's order.</summary>
    /// <exception cref="HubException">No file is, or the weights are only there in a form that is not fetched unasked.</exception>
    public IReadOnlyList<HubFile> Choose(HubListing listing)
    {
        ArgumentNullException.ThrowIfNull(listing);
        var excluded = new FilePatterns(Exclude);
        var included = new FilePatterns(Include);
        HubFile[] left = [.. listing.Files.Where(f => !excluded.Match(f.Path))];
        HubFile[] chosen = Include.Count > 0 ? [.. left.Where(f => included.Match(f.Path))] : WhatAModelNeeds(listing.Repository, left);
        if (chosen.Length == 0)
        {
            throw new HubException($"{HubReference.Prefix}{listing.Repository}: no file is left to fetch; it holds "
                + $"{Names(listing.Files)} (change --include and --exclude)");
        }
        return chosen;
    }

    private static HubFile[] WhatAModelNeeds(string repository, HubFile[] files)
    {
        HubFile[] root = [.. files.Where(f => !f.Path.Contains('/', StringComparison.Ordinal))];
        HashSet<HubFile> weights = [.. Weights(repository, root, files)];
        return [.. root.Where(f => weights.Contains(f) || IsText(f.Path))];
    }

    private static HubFile[] Weights(string repository, HubFile[] root, HubFile[] all)
    {
        HubFile[] safe = [.. root.Where(f => Has(f, ".safetensors"))];
        HubFile[] shards = root.Any(f => f.Path == SafetensorsSet.IndexFile) ? [.. safe.Where(f => Shards.Match(f.Path))] : [];
        if (shards.Length > 0)
            return shards;
        if (safe.FirstOrDefault(f => f.Path == SafetensorsSet.SingleFile) is { } single)
            return [single];
        if (safe.Length > 0)
            return safe;
        HubFile[] gguf = [.. root.Where(f => Has(f, ".gguf"))];
        if (gguf.Length > 1)
        {
            throw new HubException($"{HubReference.Prefix}{repository}: there are {gguf.Length} GGUF files, {Names(gguf)}; name one: "
                + $"cleave pull {HubReference.Prefix}{repository}:{gguf[0].Path}");
        }
        if (gguf.Length == 1)
            return gguf;
        HubFile[] pickles = [.. all.Where(f => Pickles.Any(p => Has(f, p)))];
        if (pickles.Length > 0)
        {
            throw new HubException($"{HubReference.Prefix}{repository}: the weights are there only as {Names(pickles)}, a form that can run code when it is "
                + "opened and that Cleave does not read; make safetensors of them (huggingface.co/spaces/safetensors/convert opens a pull request: then "
                + $"cleave pull {HubReference.Prefix}{repository}@refs/pr/N; or save_pretrained in Python), or fetch them as they are with --include");
        }
        return [];
    }

    private static bool IsText(string path) => Texts.Any(t => path.EndsWith(t, StringComparison.OrdinalIgnoreCase))
        || path.StartsWith("LICENSE", StringComparison.OrdinalIgnoreCase) || path.StartsWith("NOTICE", StringComparison.OrdinalIgnoreCase);

    private static bool Has(HubFile file, string extension) => file.Path.EndsWith(extension, StringComparison.OrdinalIgnoreCase);

    private static string Names(IReadOnlyList<HubFile> files) =>
        string.Join(", ", files.Take(Named).Select(f => f.Path)) + (files.Count > Named ? $" and {files.Count - Named} more" : "");
}
