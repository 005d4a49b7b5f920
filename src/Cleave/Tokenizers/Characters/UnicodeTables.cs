using System.IO.Compression;

namespace Cleave.Tokenizers.Characters;

/// <summary>
/// Decompositions, compositions and combining classes of the Unicode character database 15.0 (UAX #15). The program
/// runs without ICU, so the framework's own normalization does nothing; make_normalization.py packs the data.
/// </summary>
internal sealed class UnicodeTables
{
    private static readonly Lazy<UnicodeTables> Loaded = new(() => new UnicodeTables());

    private readonly Dictionary<int, byte> _classes = [];
    private readonly Dictionary<int, (bool Compatibility, int[] Parts)> _decompositions = [];
    private readonly Dictionary<(int First, int Second), int> _compositions = [];

    private UnicodeTables()
    {
        using Stream packed = typeof(UnicodeTables).Assembly.GetManifestResourceStream("Cleave.Tokenizers.normalization.bin")!;
        using var unpacked = new ZLibStream(packed, CompressionMode.Decompress);
        using var stream = new BufferedStream(unpacked, 1 << 14);
        ReadClasses(stream);
        ReadDecompositions(stream);
        var excluded = new HashSet<int>();
        int count = Number(stream), code = 0;
        for (int i = 0; i < count; i++)
            excluded.Add(code += Number(stream));
        foreach ((int composed, (bool compatibility, int[] parts)) in _decompositions)
        {
            if (!compatibility && parts.Length == 2 && !excluded.Contains(composed))
                _compositions.Add((parts[0], parts[1]), composed);
        }
    }

    public static UnicodeTables Instance => Loaded.Value;

    /// <summary>The canonical combining class; 0 for a starter.</summary>
    public int ClassOf(int code) => code < 0x300 ? 0 : _classes.GetValueOrDefault(code);

    /// <summary>The decomposition by one step, or null.</summary>
    public int[]? Decompose(int code, bool compatibility) =>
        code >= 0xA0 && _decompositions.TryGetValue(code, out var found) && (compatibility || !found.Compatibility) ? found.Parts : null;

    /// <summary>The primary composite of two characters, or −1.</summary>
    public int Compose(int first, int second) => _compositions.GetValueOrDefault((first, second), -1);

    private void ReadClasses(Stream stream)
    {
        int count = Number(stream), code = 0;
        for (int i = 0; i < count; i++)
        {
            code += Number(stream);
            int end = code + Number(stream);
            for (byte kind = (byte)Number(stream); code < end; code++)
                _classes.Add(code, kind);
        }
    }

    private void ReadDecompositions(Stream stream)
    {
        int count = Number(stream), code = 0;
        for (int i = 0; i < count; i++)
        {
            code += Number(stream);
            bool compatibility = Number(stream) == 1;
            var parts = new int[Number(stream)];
            for (int p = 0; p < parts.Length; p++)
                parts[p] = Number(stream);
            _decompositions.Add(code, (compatibility, parts));
        }
    }

    internal static int Number(Stream stream)
    {
        int value = 0;
        for (int shift = 0; ; shift += 7)
        {
            int b = stream.ReadByte();
            value |= (b & 0x7F) << shift;
            if (b < 0x80)
                return value;
        }
    }
}
