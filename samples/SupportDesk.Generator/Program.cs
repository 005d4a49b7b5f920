// dotnet run --project samples/SupportDesk.Generator -- [OUT] [SEED]
// Writes the data of the sample support-desk: OUT/*.jsonl (default samples/support-desk/data).
using SupportDesk.Generator;

string folder = args.Length > 0 ? args[0] : Path.Combine("samples", "support-desk", "data");
if (!ulong.TryParse(args.Length > 1 ? args[1] : "202", out ulong seed))
{
    Console.Error.WriteLine($"seed '{args[1]}': give a whole number from 0 up");
    return 2;
}

Directory.CreateDirectory(folder);
foreach ((string name, byte[] bytes) in Desk.Generate(seed))
{
    File.WriteAllBytes(Path.Combine(folder, name), bytes);
    Console.WriteLine($"{name}: {bytes.AsSpan().Count((byte)'\n')} rows, {bytes.Length} bytes");
}
return 0;
