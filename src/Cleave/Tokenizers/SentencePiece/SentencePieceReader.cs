using Cleave.Tokenizers.Algorithms;
using Cleave.Tokenizers.Characters;
using Cleave.Tokenizers.Decoders;
using Cleave.Tokenizers.Normalizers;
using Cleave.Tokenizers.PostProcessors;
using Cleave.Tokenizers.Reading;
using Cleave.Tokenizers.Segmentation;

namespace Cleave.Tokenizers.SentencePiece;

/// <summary>Makes a tokenizer of a SentencePiece model; it encodes and decodes as SentencePiece does.</summary>
public static class SentencePieceReader
{
    private const char Mark = '\u2581';

    /// <param name="pathForErrors">The file that messages name.</param>
    /// <param name="added">Tokens that are not in the model.</param>
    /// <exception cref="ModelFileException">The model contradicts itself.</exception>
    public static Tokenizer Read(SentencePieceModel model, string pathForErrors, IReadOnlyList<AddedToken>? added = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        VocabularyBuilder builder = ReadPieces(model, pathForErrors);
        AddedToken[] userDefined = builder.AddedSoFar(special: false);
        foreach (AddedToken token in added ?? [])
        {
            if (builder.IdOf(token.Content) is null && builder.AddToken(token) is { } problem)
                throw new ModelFileException(pathForErrors, problem);
        }
        int? unknown = model.UnknownId ?? FirstOf(model, PieceKind.Unknown);
        foreach (int? id in (int?[])[unknown, model.BosId, model.EosId, model.PadId])
        {
            if (id >= model.Pieces.Count)
                throw new ModelFileException(pathForErrors, $"a control piece has the id {id}, but there are {model.Pieces.Count} pieces");
        }
        CharsMap? map = ReadCharsMap(model, pathForErrors);
        Vocabulary vocabulary = builder.Build();
        var matcher = new AddedTokenMatcher(userDefined);
        TokenModel tokens = Algorithm(model, vocabulary, unknown, userDefined);
        var steps = new List<Segmenter>();
        if (userDefined.Length > 0 && model.Algorithm != PieceAlgorithm.Unigram)
            steps.Add(new SplitSegmenter(new AddedTokenPattern(matcher), SplitBehavior.Isolated));
        if (model.Algorithm == PieceAlgorithm.Word)
            steps.Add(new SplitSegmenter(new LiteralPattern(Mark.ToString()), SplitBehavior.MergedWithNext));
        if (tokens.Boundary is { } mark)
            steps.Add(new BoundarySegmenter(mark));
        HashSet<string> control = [.. model.Pieces.Where(p => p.Kind == PieceKind.Control).Select(p => p.Text)];
        string unknownPiece = unknown is { } u ? model.Pieces[u].Text : "";
        return new Tokenizer(new TokenizerDefinition
        {
            Vocabulary = vocabulary,
            MatchedByModel = userDefined.Select(t => t.Id).ToHashSet(),
            Model = tokens,
            Normalizer = new SentencePieceNormalizer(model, map, matcher),
            Segmenters = steps,
            Decoder = [new SentencePieceStep(control, (unknownPiece, model.UnknownSurface), model.AddDummyPrefix, model.RemoveExtraWhitespaces)],
            PostProcessor = Template(model),
            Parts = new SentencePieceParts(model, vocabulary).Build(pathForErrors),
            UnknownId = unknown,
            BosId = model.BosId,
            EosId = model.EosId,
            PadId = model.PadId,
        });
    }

    private static VocabularyBuilder ReadPieces(SentencePieceModel model, string file)
    {
        var builder = new VocabularyBuilder(file, model.Pieces.Count);
        for (int id = 0; id < model.Pieces.Count; id++)
        {
            ScoredPiece piece = model.Pieces[id];
            if (!float.IsFinite(piece.Score))
                throw new ModelFileException(file, $"the piece {id} has the score {piece.Score}");
            bool matched = piece.Kind is PieceKind.Normal or PieceKind.UserDefined or PieceKind.Unused;
            // Converted models fill up with empty or repeated names; those are no text's tokens.
            builder.AppendModelToken(piece.Text, matched && piece.Text.Length > 0, keepsFirst: true);
        }
        for (int id = 0; id < model.Pieces.Count; id++)
        {
            ScoredPiece piece = model.Pieces[id];
            bool special = piece.Kind is PieceKind.Control or PieceKind.Unknown;
            if (piece.Text.Length > 0 && (special || piece.Kind == PieceKind.UserDefined) && builder.ModelIdOf(piece.Text) == id)
                builder.AddToken(new AddedToken(id, piece.Text, special));
        }
        return builder;
    }

    private static TokenModel Algorithm(SentencePieceModel model, Vocabulary vocabulary, int? unknown, AddedToken[] userDefined)
    {
        var whole = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (AddedToken token in userDefined)
            whole.TryAdd(token.Content, token.Id);
        if (model.Algorithm == PieceAlgorithm.Unigram)
        {
            return new Unigram(new UnigramRules
            {
                Scores = [.. model.Pieces.Select(p => (double)p.Score)],
                UnknownId = unknown,
                ByteFallback = model.ByteFallback,
                SinglePrecision = true,
                Matched = [.. model.Pieces.Select((p, id) => p.Kind is PieceKind.Normal or PieceKind.UserDefined && vocabulary.ModelIdOf(p.Text) == id)],
                UserDefined = userDefined.Select(t => t.Id).ToHashSet(),
            }, vocabulary);
        }
        (string Text, int Id, double Score)[] pieces = [.. model.Pieces
            .Select((p, id) => (p.Text, Id: id, Score: (double)p.Score))
            .Where(p => model.Pieces[p.Id].Kind is PieceKind.Normal or PieceKind.Unused && p.Text.Length > 0 && vocabulary.ModelIdOf(p.Text) == p.Id)];
        BpeRules rules = model.Algorithm == PieceAlgorithm.Bpe ? PieceMerges.Of(pieces, vocabulary.Count, characters: true) : new BpeRules { Merges = [] };
        var unused = new Dictionary<int, (int, int)>();
        foreach ((int left, int right, int result) in rules.Merges)
        {
            if (model.Pieces[result].Kind == PieceKind.Unused)
                unused.TryAdd(result, (left, right));
        }
        return new CharacterBpe(rules with
        {
            UnknownToken = unknown is { } id ? model.Pieces[id].Text : null,
            ByteFallback = model.ByteFallback,
            FuseUnknown = true,
            IgnoreMerges = model.Algorithm == PieceAlgorithm.Word,
            Whole = whole,
            Unused = unused,
        }, vocabulary);
    }

    private static PostProcessor Template(SentencePieceModel model)
    {
        int? bos = model.Adds.Bos ? model.BosId : null, eos = model.Adds.Eos ? model.EosId : null;
        TemplatePiece[] Around(int sequence) =>
        [
            .. bos is { } b ? [new TemplatePiece(-1, [b], 0)] : Array.Empty<TemplatePiece>(),
            new TemplatePiece(sequence, [], sequence),
            .. eos is { } e ? [new TemplatePiece(-1, [e], 0)] : Array.Empty<TemplatePiece>(),
        ];
        return new PostProcessor(Around(0), [.. Around(0), .. Around(1)], TrimsOffsets: false);
    }

    private static CharsMap? ReadCharsMap(SentencePieceModel model, string file)
    {
        if (model.CharsMap.IsEmpty)
            return null;
        try
        {
            return new CharsMap(model.CharsMap.Span);
        }
        catch (InvalidDataException e)
        {
            throw new ModelFileException(file, e.Message);
        }
    }

    private static int? FirstOf(SentencePieceModel model, PieceKind kind)
    {
        for (int id = 0; id < model.Pieces.Count; id++)
        {
            if (model.Pieces[id].Kind == kind)
                return id;
        }
        return null;
    }
}
