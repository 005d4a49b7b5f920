namespace Cleave.Tokenizers.Segmentation;

/// <summary>
/// Properties that split patterns name and .NET's regular expressions do not know, as the inside of a class: scripts of
/// the Unicode character database 15.0 below U+10000, and POSIX brackets.
/// </summary>
internal static class PatternProperties
{
    private static readonly Dictionary<string, string> Known = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Letter"] = @"\p{L}",
        ["Mark"] = @"\p{M}",
        ["Number"] = @"\p{N}",
        ["Punctuation"] = @"\p{P}",
        ["Symbol"] = @"\p{S}",
        ["Separator"] = @"\p{Z}",
        ["Other"] = @"\p{C}",
        ["Alpha"] = @"\p{L}\p{M}\p{Nl}",
        ["Alphabetic"] = @"\p{L}\p{M}\p{Nl}",
        ["Digit"] = @"\p{Nd}",
        ["Alnum"] = @"\p{L}\p{M}\p{Nl}\p{Nd}",
        ["Upper"] = @"\p{Lu}",
        ["Uppercase"] = @"\p{Lu}",
        ["Lower"] = @"\p{Ll}",
        ["Lowercase"] = @"\p{Ll}",
        ["Space"] = @"\s",
        ["White_Space"] = @"\s",
        ["Blank"] = @"\t\p{Zs}",
        ["Cntrl"] = @"\p{Cc}",
        ["Punct"] = @"\p{P}\p{S}",
        ["XDigit"] = "0-9A-Fa-f",
        ["Word"] = Word,
        ["ASCII"] = @"\x00-\x7F",
        ["Any"] = @"\s\S",
        ["Latin"] = @"\u0041-\u005A\u0061-\u007A\u00AA\u00BA\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02B8\u02E0-\u02E4\u1D00-\u1D25\u1D2C-\u1D5C\u1D62-\u1D65\u1D6B-\u1D77\u1D79-\u1DBE\u1E00-\u1EFF\u2071\u207F\u2090-\u209C\u212A-\u212B\u2132\u214E\u2160-\u2188\u2C60-\u2C7F\uA722-\uA787\uA78B-\uA7CA\uA7D0-\uA7D1\uA7D3\uA7D5-\uA7D9\uA7F2-\uA7FF\uAB30-\uAB5A\uAB5C-\uAB64\uAB66-\uAB69\uFB00-\uFB06\uFF21-\uFF3A\uFF41-\uFF5A",
        ["Greek"] = @"\u0370-\u0373\u0375-\u0377\u037A-\u037D\u037F\u0384\u0386\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03E1\u03F0-\u03FF\u1D26-\u1D2A\u1D5D-\u1D61\u1D66-\u1D6A\u1DBF\u1F00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FC4\u1FC6-\u1FD3\u1FD6-\u1FDB\u1FDD-\u1FEF\u1FF2-\u1FF4\u1FF6-\u1FFE\u2126\uAB65",
        ["Cyrillic"] = @"\u0400-\u0484\u0487-\u052F\u1C80-\u1C88\u1D2B\u1D78\u2DE0-\u2DFF\uA640-\uA69F\uFE2E-\uFE2F",
        ["Armenian"] = @"\u0531-\u0556\u0559-\u058A\u058D-\u058F\uFB13-\uFB17",
        ["Hebrew"] = @"\u0591-\u05C7\u05D0-\u05EA\u05EF-\u05F4\uFB1D-\uFB36\uFB38-\uFB3C\uFB3E\uFB40-\uFB41\uFB43-\uFB44\uFB46-\uFB4F",
        ["Arabic"] = @"\u0600-\u0604\u0606-\u060B\u060D-\u061A\u061C-\u061E\u0620-\u063F\u0641-\u064A\u0656-\u066F\u0671-\u06DC\u06DE-\u06FF\u0750-\u077F\u0870-\u088E\u0890-\u0891\u0898-\u08E1\u08E3-\u08FF\uFB50-\uFBC2\uFBD3-\uFD3D\uFD40-\uFD8F\uFD92-\uFDC7\uFDCF\uFDF0-\uFDFF\uFE70-\uFE74\uFE76-\uFEFC",
        ["Devanagari"] = @"\u0900-\u0950\u0955-\u0963\u0966-\u097F\uA8E0-\uA8FF",
        ["Bengali"] = @"\u0980-\u0983\u0985-\u098C\u098F-\u0990\u0993-\u09A8\u09AA-\u09B0\u09B2\u09B6-\u09B9\u09BC-\u09C4\u09C7-\u09C8\u09CB-\u09CE\u09D7\u09DC-\u09DD\u09DF-\u09E3\u09E6-\u09FE",
        ["Tamil"] = @"\u0B82-\u0B83\u0B85-\u0B8A\u0B8E-\u0B90\u0B92-\u0B95\u0B99-\u0B9A\u0B9C\u0B9E-\u0B9F\u0BA3-\u0BA4\u0BA8-\u0BAA\u0BAE-\u0BB9\u0BBE-\u0BC2\u0BC6-\u0BC8\u0BCA-\u0BCD\u0BD0\u0BD7\u0BE6-\u0BFA",
        ["Thai"] = @"\u0E01-\u0E3A\u0E40-\u0E5B",
        ["Lao"] = @"\u0E81-\u0E82\u0E84\u0E86-\u0E8A\u0E8C-\u0EA3\u0EA5\u0EA7-\u0EBD\u0EC0-\u0EC4\u0EC6\u0EC8-\u0ECE\u0ED0-\u0ED9\u0EDC-\u0EDF",
        ["Tibetan"] = @"\u0F00-\u0F47\u0F49-\u0F6C\u0F71-\u0F97\u0F99-\u0FBC\u0FBE-\u0FCC\u0FCE-\u0FD4\u0FD9-\u0FDA",
        ["Georgian"] = @"\u10A0-\u10C5\u10C7\u10CD\u10D0-\u10FA\u10FC-\u10FF\u1C90-\u1CBA\u1CBD-\u1CBF\u2D00-\u2D25\u2D27\u2D2D",
        ["Hangul"] = @"\u1100-\u11FF\u302E-\u302F\u3131-\u318E\u3200-\u321E\u3260-\u327E\uA960-\uA97C\uAC00-\uD7A3\uD7B0-\uD7C6\uD7CB-\uD7FB\uFFA0-\uFFBE\uFFC2-\uFFC7\uFFCA-\uFFCF\uFFD2-\uFFD7\uFFDA-\uFFDC",
        ["Ethiopic"] = @"\u1200-\u1248\u124A-\u124D\u1250-\u1256\u1258\u125A-\u125D\u1260-\u1288\u128A-\u128D\u1290-\u12B0\u12B2-\u12B5\u12B8-\u12BE\u12C0\u12C2-\u12C5\u12C8-\u12D6\u12D8-\u1310\u1312-\u1315\u1318-\u135A\u135D-\u137C\u1380-\u1399\u2D80-\u2D96\u2DA0-\u2DA6\u2DA8-\u2DAE\u2DB0-\u2DB6\u2DB8-\u2DBE\u2DC0-\u2DC6\u2DC8-\u2DCE\u2DD0-\u2DD6\u2DD8-\u2DDE\uAB01-\uAB06\uAB09-\uAB0E\uAB11-\uAB16\uAB20-\uAB26\uAB28-\uAB2E",
        ["Khmer"] = @"\u1780-\u17DD\u17E0-\u17E9\u17F0-\u17F9\u19E0-\u19FF",
        ["Mongolian"] = @"\u1800-\u1801\u1804\u1806-\u1819\u1820-\u1878\u1880-\u18AA",
        ["Hiragana"] = @"\u3041-\u3096\u309D-\u309F",
        ["Katakana"] = @"\u30A1-\u30FA\u30FD-\u30FF\u31F0-\u31FF\u32D0-\u32FE\u3300-\u3357\uFF66-\uFF6F\uFF71-\uFF9D",
        ["Bopomofo"] = @"\u02EA-\u02EB\u3105-\u312F\u31A0-\u31BF",
        ["Han"] = @"\u2E80-\u2E99\u2E9B-\u2EF3\u2F00-\u2FD5\u3005\u3007\u3021-\u3029\u3038-\u303B\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFA6D\uFA70-\uFAD9",
    };

    /// <summary>The inside of a class for <c>\w</c>.</summary>
    public const string Word = @"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}";

    /// <summary>The inside of a class for a property, or null where .NET knows the name by itself.</summary>
    public static string? Find(string name)
    {
        string plain = name.StartsWith("Script=", StringComparison.OrdinalIgnoreCase) ? name[7..]
            : name.StartsWith("sc=", StringComparison.OrdinalIgnoreCase) ? name[3..] : name;
        return Known.GetValueOrDefault(plain);
    }
}
