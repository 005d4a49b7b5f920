using System.Diagnostics;
using System.Globalization;

namespace Cleave.Tests;

/// <summary>llama.cpp as the peers' setup installs it beside other caches: an independent reader of GGUF files.</summary>
internal static class LlamaCpp
{
    private static readonly string Folder = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "cleave-peers");

    public static bool IsThere { get; } = File.Exists(Path.Combine(Folder, "llama_peer"));

    /// <summary>Logits after every token.</summary>
    public static float[] Logits(string model, int vocabulary, int[] ids)
    {
        var start = new ProcessStartInfo(Path.Combine(Folder, "llama_peer")) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])[Path.Combine(Folder, "llama-lib"), "logits", model, vocabulary.ToString(CultureInfo.InvariantCulture), string.Join(',', ids)])
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"llama.cpp: {errors.Result}");
        return [.. output.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Select(v => float.Parse(v, CultureInfo.InvariantCulture))];
    }
}

/// <summary>A test beside llama.cpp; skipped, and said so, where it is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PeerTheoryAttribute : TheoryAttribute
{
    public PeerTheoryAttribute()
    {
        if (!LlamaCpp.IsThere)
            Skip = "needs llama.cpp in ~/.cache/cleave-peers";
    }
}
