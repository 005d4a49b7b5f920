using System.Globalization;
using Cleave.Numerics;

namespace Cleave.Benchmarks.Fuzz;

/// <summary>What became of one case.</summary>
public enum FuzzOutcome
{
    Accepted,
    Refused,
}

/// <summary>Runs cases of one target in one folder; a case can be made again from its seed and its number.</summary>
public sealed class FuzzCases(FuzzTarget target, string folder, ulong seed)
{
    /// <summary>The multiple of the files' bytes that reading may take, besides a constant.</summary>
    private const long MostTimes = 256;

    /// <summary>What the last case made of managed memory, and how large its files were.</summary>
    public (long Allocated, long FileBytes) Last { get; private set; }

    /// <summary>Writes the files of a case and reads them.</summary>
    /// <exception cref="InvalidOperationException">The error is not a clean one, or reading took far more memory than the files.</exception>
    public FuzzOutcome Run(long number)
    {
        FuzzFile[] files = target.Next(Rng.For(seed, number.ToString(CultureInfo.InvariantCulture)));
        Write(files);
        long before = GC.GetAllocatedBytesForCurrentThread(), bytes = files.Sum(f => (long)f.Bytes.Length);
        FuzzOutcome outcome = Read();
        Last = (GC.GetAllocatedBytesForCurrentThread() - before, bytes);
        return Last.Allocated <= target.MostBytes + MostTimes * bytes ? outcome
            : throw new InvalidOperationException($"{Last.Allocated} bytes of memory for {bytes} bytes of files");
    }

    /// <exception cref="CleaveException">The good files were refused.</exception>
    public void RunGood()
    {
        foreach (FuzzFile[] files in target.Goods())
        {
            Write(files);
            target.Use(folder);
        }
    }

    private FuzzOutcome Read()
    {
        try
        {
            target.Use(folder);
            return FuzzOutcome.Accepted;
        }
        catch (CleaveException e)
        {
            // A project file's mistakes are all said at once, a line each; anything else is one line that names its file.
            if (e.Message.Length == 0 || (e is not ProjectException && e.Message.AsSpan().ContainsAny('\n', '\r')))
                throw new InvalidOperationException($"not one line: {e.Message}", e);
            return FuzzOutcome.Refused;
        }
    }

    private void Write(FuzzFile[] files)
    {
        foreach (FuzzFile file in files)
            File.WriteAllBytes(Path.Combine(folder, file.Name), file.Bytes);
    }
}
