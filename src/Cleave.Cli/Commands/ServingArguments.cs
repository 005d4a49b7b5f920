using System.CommandLine;
using System.Globalization;
using Cleave.Cli.Shell;
using Cleave.Serving.Allocation;

namespace Cleave.Cli.Commands;

/// <summary>Options that say how a server's processor and memory are shared: the same for a server and for the simulation of one.</summary>
internal static class ServingArguments
{
    public static readonly Option<string?> Weights = new("--weights")
    {
        Description = "Weights of modules that are busy at the same time, such as reply=1,intent=4; 1 for those that are not named.",
        HelpName = "NAME=N,…",
    };

    public static readonly Option<string?> MinimumShares = new("--min-share")
    {
        Description = $"Of the processor's time, what a module has at least while it has work, such as intent=0.2; together at most {ProcessorShares.MostMinimums.ToString(CultureInfo.InvariantCulture)}.",
        HelpName = "NAME=PART,…",
    };

    /// <summary>A size such as 512MB; null where the option was not given.</summary>
    /// <exception cref="CleaveException">It is none.</exception>
    public static long? Bytes(Call call, Option<string?> option) => call.Get(option) is not { } text ? null
        : ByteSize.Parse(text) ?? throw new CleaveException($"{option.Name} {text}: must be a size such as 512MB or 2GB");

    /// <exception cref="CleaveException">The text is no such list, or a weight is not above 0.</exception>
    public static Dictionary<string, double> ReadWeights(Call call) => Read(call, Weights, value => value > 0 ? null : "must be above 0");

    /// <exception cref="CleaveException">The text is no such list, or the shares are more than there is.</exception>
    public static Dictionary<string, double> ReadMinimumShares(Call call)
    {
        Dictionary<string, double> shares = Read(call, MinimumShares, value => value is >= 0 and <= 1 ? null : "must be from 0 to 1");
        return shares.Values.Sum() <= ProcessorShares.MostMinimums ? shares
            : throw new CleaveException($"{MinimumShares.Name}: the shares sum to {shares.Values.Sum().ToString("0.###", CultureInfo.InvariantCulture)}, and at most {ProcessorShares.MostMinimums.ToString(CultureInfo.InvariantCulture)} can be given away");
    }

    private static Dictionary<string, double> Read(Call call, Option<string?> option, Func<double, string?> problem)
    {
        var found = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (string part in (call.Get(option) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            int equals = part.LastIndexOf('=');
            if (equals < 1 || !double.TryParse(part.AsSpan(equals + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !double.IsFinite(value))
                throw new CleaveException($"{option.Name}: '{part}' must be a module's name, = and a number");
            if (problem(value) is { } wrong)
                throw new CleaveException($"{option.Name}: '{part}' {wrong}");
            if (!found.TryAdd(part[..equals], value))
                throw new CleaveException($"{option.Name}: '{part[..equals]}' is there twice");
        }
        return found;
    }

    /// <exception cref="CleaveException">A name is none of the modules'.</exception>
    public static void CheckNames(IEnumerable<string> names, IReadOnlyList<string> modules)
    {
        if (names.FirstOrDefault(n => !modules.Contains(n)) is { } stranger)
            throw new CleaveException($"there is no module '{stranger}' to share with; there are: {string.Join(", ", modules)}");
    }
}
