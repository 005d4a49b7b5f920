using System.Buffers.Binary;
using System.Text;

namespace Cleave.Tokenizers.Characters;

/// <summary>
/// SentencePiece's <c>precompiled_charsmap</c>: a double-array trie over UTF-8 bytes, whose values are places in a
/// list of zero-terminated replacements.
/// </summary>
internal sealed class CharsMap
{
    private readonly uint[] _units;
    private readonly byte[] _texts;
    private readonly Dictionary<int, string> _replacements = [];

    /// <exception cref="InvalidDataException">The bytes are not such a map.</exception>
    public CharsMap(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 4)
            throw new InvalidDataException("the character map is cut short");
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (size > bytes.Length - 4 || size % 4 != 0 || size == 0)
            throw new InvalidDataException($"the character map's trie of {size} bytes does not fit into its {bytes.Length}");
        _units = new uint[size / 4];
        for (int i = 0; i < _units.Length; i++)
            _units[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(4 + 4 * i)..]);
        _texts = bytes[(4 + (int)size)..].ToArray();
        foreach (uint unit in _units)
        {
            // Leaves are told by the highest bit; one that no key reaches costs nothing but its text.
            if (unit >> 31 != 0 && (int)(unit & int.MaxValue) is var place && place < _texts.Length
                && (place == 0 || _texts[place - 1] == 0))
            {
                _replacements[place] = TextAt(place);
            }
        }
    }

    /// <summary>The replacement of the shortest beginning that the map knows, or null.</summary>
    public string? Shortest(ReadOnlySpan<byte> utf8) => Find(utf8, longest: false, out _);

    /// <summary>The replacement of the longest beginning that the map knows, or null.</summary>
    public string? Longest(ReadOnlySpan<byte> utf8, out int length) => Find(utf8, longest: true, out length);

    private string? Find(ReadOnlySpan<byte> key, bool longest, out int length)
    {
        length = 0;
        string? found = null;
        uint position = Offset(_units[0]);
        for (int i = 0; i < key.Length && key[i] != 0; i++)
        {
            position ^= key[i];
            if (position >= _units.Length || Label(_units[position]) != key[i])
                break;
            uint unit = _units[position];
            position ^= Offset(unit);
            if ((unit >> 8 & 1) == 0)
                continue;
            if (position >= _units.Length)
                break;
            (found, length) = (At((int)(_units[position] & int.MaxValue)), i + 1);
            if (!longest)
                break;
        }
        return found;
    }

    private string At(int place) => _replacements.TryGetValue(place, out string? text) ? text : TextAt(place);

    private string TextAt(int place)
    {
        if (place >= _texts.Length)
            return "";
        ReadOnlySpan<byte> rest = _texts.AsSpan(place);
        int end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private static uint Label(uint unit) => unit & (1u << 31 | 0xFF);

    private static uint Offset(uint unit) => unit >> 10 << (int)((unit & 1u << 9) >> 6);
}
