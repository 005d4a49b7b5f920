namespace Cleave.Tokenizers.SentencePiece;

/// <summary>What a piece is, numbered as SentencePiece numbers it.</summary>
public enum PieceKind
{
    Normal = 1,
    Unknown = 2,
    Control = 3,

    /// <summary>Taken wherever it occurs in a text.</summary>
    UserDefined = 4,
    Unused = 5,

    /// <summary>One byte, written as <c>&lt;0x0A&gt;</c>.</summary>
    Byte = 6,
}

/// <summary>How a SentencePiece model cuts.</summary>
public enum PieceAlgorithm
{
    Unigram = 1,
    Bpe = 2,
    Word = 3,
    Character = 4,
}

/// <summary>A piece with its score: a log probability, or minus its rank.</summary>
public readonly record struct ScoredPiece(string Text, float Score, PieceKind Kind);

/// <summary>A SentencePiece model (Kudo and Richardson 2018): its pieces by id, and how texts are prepared for them.</summary>
public sealed record SentencePieceModel
{
    public required IReadOnlyList<ScoredPiece> Pieces { get; init; }

    public required PieceAlgorithm Algorithm { get; init; }

    /// <summary>Whether characters without a piece become bytes.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>The compiled character map; empty for none.</summary>
    public ReadOnlyMemory<byte> CharsMap { get; init; }

    /// <summary>Whether a blank is put before a text.</summary>
    public bool AddDummyPrefix { get; init; } = true;

    /// <summary>Whether blanks at the ends go and runs of blanks become one.</summary>
    public bool RemoveExtraWhitespaces { get; init; } = true;

    /// <summary>Whether blanks are written as U+2581.</summary>
    public bool EscapeWhitespaces { get; init; } = true;

    /// <summary>Whether the blank that is added comes after the text.</summary>
    public bool WhitespaceAsSuffix { get; init; }

    public int? UnknownId { get; init; }

    public int? BosId { get; init; }

    public int? EosId { get; init; }

    public int? PadId { get; init; }

    /// <summary>What the unknown piece is shown as.</summary>
    public string UnknownSurface { get; init; } = " \u2047 ";

    /// <summary>Whether a model is given <see cref="BosId"/> before a text, and <see cref="EosId"/> after it.</summary>
    public (bool Bos, bool Eos) Adds { get; init; } = (true, true);
}
