using System.Diagnostics;
using System.Globalization;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;

namespace Cleave.Benchmarks.Fuzz;

/// <summary>
/// <c>fuzz FILE.gguf [COUNT] [SEED] [FOLDER]</c>: reads COUNT damaged copies of a small good file. Each is loaded and run, or
/// refused in one line; anything else is kept in FOLDER with its number, and the run fails.
/// </summary>
internal static class GgufFuzz
{
    public static int Run(ReadOnlySpan<string> args)
    {
        string good = args.Length > 0 ? args[0] : throw new ArgumentException("a small GGUF file is missing");
        long count = args.Length > 1 ? long.Parse(args[1], CultureInfo.InvariantCulture) : 1_000_000;
        ulong seed = args.Length > 2 ? ulong.Parse(args[2], CultureInfo.InvariantCulture) : 1;
        string folder = args.Length > 3 ? args[3] : Path.Combine(Path.GetTempPath(), "cleave-fuzz");
        Directory.CreateDirectory(folder);
        var mutator = new GgufMutator(good);
        string path = Path.Combine(folder, "case.gguf");
        long refused = 0, failed = 0, start = Stopwatch.GetTimestamp();
        for (long i = 0; i < count; i++)
        {
            // Each case has its own generator, so that one can be made again by its number.
            File.WriteAllBytes(path, mutator.Next(Rng.For(seed, i.ToString(CultureInfo.InvariantCulture))));
            try
            {
                refused += Read(path) ? 0 : 1;
            }
            catch (Exception e)
            {
                failed++;
                File.Copy(path, Path.Combine(folder, $"{seed}-{i}.gguf"), overwrite: true);
                Console.WriteLine($"{i}: {e.GetType().Name}: {e.Message} {e.StackTrace?.Split('\n')[0].Trim()}");
            }
            if ((i + 1) % 10_000 == 0)
                Console.Error.WriteLine($"{i + 1} of {count}, {refused} refused, {failed} failed, {GC.GetTotalMemory(false) >> 20} MiB, {Stopwatch.GetElapsedTime(start).TotalSeconds:0} s");
        }
        File.Delete(path);
        Console.WriteLine($"{count} files: {count - refused - failed} read, {refused} refused, {failed} failed; seed {seed}");
        return failed == 0 ? 0 : 1;
    }

    /// <returns>Whether the file was read; false if it was refused as a model file is.</returns>
    public static bool Read(string path)
    {
        try
        {
            Transformer model = GgufModel.Load(path);
            using var tape = new Tape(records: false);
            model.Output.Forward(tape, model.Forward(tape, new TokenBatch().Add([0])));
            return true;
        }
        catch (Exception e) when (e is ModelFileException or CapacityException)
        {
            return e.Message.Contains('\n', StringComparison.Ordinal) ? throw new InvalidOperationException("more than one line", e) : false;
        }
    }
}
