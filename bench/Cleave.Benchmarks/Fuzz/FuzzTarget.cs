using Cleave.Numerics;

namespace Cleave.Benchmarks.Fuzz;

/// <summary>A file of a case, by its name in the case's folder.</summary>
public readonly record struct FuzzFile(string Name, byte[] Bytes);

/// <summary>One parser with a way to make files that are nearly right.</summary>
public abstract class FuzzTarget
{
    public abstract string Name { get; }

    /// <summary>Files that are right.</summary>
    public abstract IEnumerable<FuzzFile[]> Goods();

    /// <summary>Files that are not quite.</summary>
    public abstract FuzzFile[] Next(Rng random);

    /// <summary>Reads the files of a folder and uses what was read.</summary>
    /// <exception cref="CleaveException">They were refused.</exception>
    public abstract void Use(string folder);

    /// <summary>Managed memory that reading may take in all besides a multiple of the files.</summary>
    public virtual long MostBytes => 64L << 20;

    /// <summary>That of grammars, whose repetitions are written out: their limit is the number of states.</summary>
    protected const long Grammars = 256L << 20;

    /// <summary>Every target.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new GgufTarget(), new SafetensorsTarget(), new ConfigTarget(), new TokenizerJsonTarget(), new SentencePieceTarget(), new PairTarget(),
        new WordListTarget(), new RanksTarget(), new Llama2cTarget(), new Llama2cTokenizerTarget(), new TemplateTarget(),
        new ProjectTarget(), new StudyTarget(), new ImportanceTarget(), new GrammarTarget(), new SchemaTarget(),
    ];
}
