using System.CommandLine;
using Cleave.Cli.Shell;
using Cleave.Numerics.Kernels;

namespace Cleave.Cli.Commands;

/// <summary>The option <c>--kv-cache</c>, the same in every command.</summary>
internal static class CacheFormat
{
    private const string Float16 = "float16", Int8 = "int8";

    public static Option<string> Option { get; } = Create();

    public static KeyValueFormat Of(Call call) => call.Get(Option) == Int8 ? KeyValueFormat.Int8 : KeyValueFormat.Float16;

    private static Option<string> Create()
    {
        var option = new Option<string>("--kv-cache")
        {
            Description = "How keys and values are kept: float16, or int8 for half the memory at slightly less accuracy.",
            HelpName = "TYPE",
            DefaultValueFactory = _ => Float16,
        };
        return option.AcceptOnlyFromAmong(Float16, Int8);
    }
}
