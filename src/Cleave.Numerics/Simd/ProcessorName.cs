namespace Cleave.Numerics.Simd;

/// <summary>What this machine's processor is called.</summary>
public static class ProcessorName
{
    /// <summary>Such as <c>AMD EPYC family 25 model 1</c>; <c>unknown</c> where the system does not say.</summary>
    public static string Text { get; } = Find();

    private static string Find()
    {
        try
        {
            string[] lines = File.Exists("/proc/cpuinfo") ? File.ReadAllLines("/proc/cpuinfo") : [];
            string Value(string key) => lines.FirstOrDefault(l => l.StartsWith(key, StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown";
            return lines.Length == 0 ? "unknown" : $"{Value("model name")} family {Value("cpu family")} model {Value("model\t")}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "unknown";
        }
    }
}
