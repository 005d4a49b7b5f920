using System.IO.Compression;
using System.Text;

namespace Cleave.Tokenizers.Characters;

/// <summary>The script of a character by the Unicode character database 15.0 (UAX #24); make_scripts.py packs the data.</summary>
internal sealed class ScriptTable
{
    /// <summary>The number of what has no script; the others only say which characters share one.</summary>
    public const int None = 0;

    private const int Han = 1, Hiragana = 2, Katakana = 3;

    private static readonly Lazy<ScriptTable> Loaded = new(() => new ScriptTable());

    private readonly int[] _starts, _ends, _scripts;

    private ScriptTable()
    {
        using Stream packed = typeof(ScriptTable).Assembly.GetManifestResourceStream("Cleave.Tokenizers.scripts.bin")!;
        using var unpacked = new ZLibStream(packed, CompressionMode.Decompress);
        using var stream = new BufferedStream(unpacked, 1 << 14);
        int count = UnicodeTables.Number(stream), end = 0;
        (_starts, _ends, _scripts) = (new int[count], new int[count], new int[count]);
        for (int i = 0; i < count; i++)
        {
            _starts[i] = end + UnicodeTables.Number(stream);
            _ends[i] = end = _starts[i] + UnicodeTables.Number(stream);
            _scripts[i] = UnicodeTables.Number(stream);
        }
    }

    /// <summary>
    /// The script as tokenizers divide by it: Japanese is one, with its long-vowel mark; a blank is of none and goes with any.
    /// </summary>
    public static int ForWords(Rune rune) => rune.Value switch
    {
        ' ' => None,
        0x30FC => Han,
        var code => Loaded.Value.Of(code) is var script && script is Hiragana or Katakana ? Han : script,
    };

    private int Of(int code)
    {
        int run = Array.BinarySearch(_starts, code);
        run = run < 0 ? ~run - 1 : run;
        return run >= 0 && code < _ends[run] ? _scripts[run] : None;
    }
}
