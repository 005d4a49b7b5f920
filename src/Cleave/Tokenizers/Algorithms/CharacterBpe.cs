using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Cleave.Tokenizers.Algorithms;

/// <summary>
/// Byte-pair encoding over characters (Sennrich et al. 2016), as Llama 2 and SentencePiece have it; characters that the
/// vocabulary lacks become their bytes or the unknown token.
/// </summary>
internal sealed class CharacterBpe : TokenModel
{
    private const char Mark = '\u2581';
    private const int NotYet = int.MinValue;

    private readonly BpeRules _rules;
    private readonly Vocabulary _vocabulary;
    private readonly MergeTable _merges;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>>? _whole;
    private readonly ByteTokens? _bytes;
    private readonly int? _unknown;
    private readonly int[] _plain;

    public CharacterBpe(BpeRules rules, Vocabulary vocabulary)
    {
        (_rules, _vocabulary) = (rules, vocabulary);
        _merges = rules.Table();
        _unknown = rules.UnknownToken is { } token ? vocabulary.IdOf(token) : null;
        if (rules.ByteFallback)
            _bytes = new ByteTokens(t => vocabulary.ModelIdOf(t));
        if (rules.Whole.Count > 0)
            _whole = new Dictionary<string, int>(rules.Whole, StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
        // Most characters are told by one look into a table, which is filled as they come.
        _plain = new int[0x3100];
        Array.Fill(_plain, NotYet);
        Boundary = FindBoundary();
    }

    public override char? Boundary { get; }

    public override int[] Compute(ReadOnlySpan<char> piece, List<(int Start, int End)>? spans)
    {
        if (_whole is { } whole && whole.TryGetValue(piece, out int frozen)
            || _rules.IgnoreMerges && _vocabulary.ModelIdOf(piece) is { } id && (frozen = id) >= 0)
        {
            spans?.Add((0, piece.Length));
            return [frozen];
        }
        int[] symbols = ArrayPool<int>.Shared.Rent(piece.Length);
        int count = 0;
        for (int at = 0; at < piece.Length;)
        {
            Rune.DecodeFromUtf16(piece[at..], out _, out int length);
            symbols[count++] = Symbol(piece.Slice(at, length), at == 0, at + length == piece.Length);
            at += length;
        }
        count = WordMerger.Merge(symbols.AsSpan(0, count), _merges);
        var output = new Output(this, piece, spans, count);
        for (int i = 0; i < count; i++)
            output.Add(symbols[i], isLast: i == count - 1);
        ArrayPool<int>.Shared.Return(symbols);
        return output.Finish();
    }

    public override void Write(Utf8JsonWriter json, Vocabulary vocabulary) => _rules.Write(json, vocabulary);

    private int Symbol(ReadOnlySpan<char> character, bool first, bool last)
    {
        if ((first || _rules.Prefix.Length == 0) && (!last || _rules.Suffix.Length == 0))
        {
            if (character.Length > 1 || character[0] >= _plain.Length)
                return SlowSymbol(character);
            ref int plain = ref _plain[character[0]];
            if (plain == NotYet)
                plain = SlowSymbol(character);
            return plain;
        }
        return SlowSymbol(string.Concat(first ? "" : _rules.Prefix, character, last ? _rules.Suffix : ""));
    }

    /// <summary>The id of a character with its affixes; −1 where nothing holds it.</summary>
    private int SlowSymbol(ReadOnlySpan<char> symbol)
    {
        if (_vocabulary.ModelIdOf(symbol) is { } id && !_vocabulary.IsUnmatched(id))
            return id;
        return _rules.InnerCharacters.Count > 0 && Rune.DecodeFromUtf16(symbol, out Rune rune, out _) == OperationStatus.Done
            && _rules.InnerCharacters.TryGetValue(rune.Value, out int inner) ? inner : -1;
    }

    /// <summary>A mark of blanks that no token has inside, after anything but itself.</summary>
    private char? FindBoundary()
    {
        if (_rules.IgnoreMerges || _rules.Prefix.Length > 0 || _rules.Suffix.Length > 0)
            return null;
        foreach (char mark in (char[])[Mark, ' '])
        {
            if (_vocabulary.ModelIdOf([mark]) is { } && !_rules.Whole.Keys.Any(Inside)
                && !_rules.Merges.Any(m => m.Result < _vocabulary.Count && Inside(_vocabulary.TokenOf(m.Result))))
            {
                return mark;
            }

            bool Inside(string token)
            {
                for (int i = token.Length - 1; i > 0; i--)
                {
                    if (token[i] == mark && token[i - 1] != mark)
                        return true;
                }
                return false;
            }
        }
        return null;
    }

    /// <summary>Collects the tokens of a piece from left to right and knows how much of the piece each takes.</summary>
    private ref struct Output(CharacterBpe model, ReadOnlySpan<char> piece, List<(int Start, int End)>? spans, int capacity)
    {
        private readonly ReadOnlySpan<char> _piece = piece;
        private readonly List<int> _ids = new(capacity);
        private int _at, _unknownStart = -1;

        public void Add(int symbol, bool isLast)
        {
            if (model._rules.Unused.TryGetValue(symbol, out (int Left, int Right) halves))
            {
                Add(halves.Left, isLast: false);
                Add(halves.Right, isLast);
                return;
            }
            if ((uint)symbol >= (uint)model._vocabulary.Count)
            {
                Unknown();
                return;
            }
            CloseUnknown(_at);
            int width = model._vocabulary.TokenOf(symbol).Length - (_at > 0 ? model._rules.Prefix.Length : 0) - (isLast ? model._rules.Suffix.Length : 0);
            int start = _at;
            // A vocabulary whose tokens and affixes contradict each other must not lead beyond the piece.
            _at = Math.Clamp(_at + width, _at, _piece.Length);
            _ids.Add(symbol);
            spans?.Add((start, _at));
        }

        public int[] Finish()
        {
            CloseUnknown(_at);
            return [.. _ids];
        }

        private void Unknown()
        {
            Rune.DecodeFromUtf16(_piece[_at..], out _, out int length);
            int start = _at;
            _at += length;
            if (model._bytes is { } bytes)
            {
                CloseUnknown(start);
                if (bytes.TryAppend(_piece.Slice(start, length), start, _ids, spans))
                    return;
            }
            if (_unknownStart < 0)
                _unknownStart = start;
            if (!model._rules.FuseUnknown)
                CloseUnknown(_at);
        }

        private void CloseUnknown(int end)
        {
            if (_unknownStart >= 0 && model._unknown is { } unknown)
            {
                _ids.Add(unknown);
                spans?.Add((_unknownStart, end));
            }
            _unknownStart = -1;
        }
    }
}
