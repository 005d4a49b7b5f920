using Cleave.Tokenizers.Characters;
using Cleave.Tokenizers.Normalizers;
using Cleave.Tokenizers.PostProcessors;
using Cleave.Tokenizers.Segmentation;

namespace Cleave.Tokenizers;

public sealed partial class Tokenizer
{
    public int[] Encode(string text, bool parseSpecial = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        var run = new Run(text.Length / 3 + 4, withOffsets: false);
        EncodeAround(text, parseSpecial ? _all : _ordinary, run);
        return [.. run.Ids];
    }

    public TokenizedText EncodeWithOffsets(string text, bool parseSpecial = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        var run = new Run(4, withOffsets: true);
        EncodeAround(text, parseSpecial ? _all : _ordinary, run);
        return new TokenizedText([.. run.Ids], [.. run.Offsets!]);
    }

    public ModelInput EncodeForModel(string text, string? pair = null, bool parseSpecial = false) =>
        EncodeBatch([(text, pair)], parseSpecial)[0];

    public IReadOnlyList<ModelInput> EncodeBatch(IReadOnlyList<(string Text, string? Pair)> texts, bool parseSpecial = false)
    {
        ArgumentNullException.ThrowIfNull(texts);
        var inputs = new ModelInput[texts.Count];
        for (int i = 0; i < inputs.Length; i++)
        {
            (string text, string? pair) = texts[i];
            TokenizedText first = Covered(text, parseSpecial);
            TokenizedText? second = pair is null ? null : Covered(pair, parseSpecial);
            if (_definition.Truncation is { } truncation)
                (first, second) = truncation.Apply(first, second, _definition.PostProcessor.Added(second is not null));
            inputs[i] = _definition.PostProcessor.Apply(first, second);
        }
        if (_definition.Padding is not { } padding || inputs.Length == 0)
            return inputs;
        int longest = inputs.Max(i => i.Ids.Length);
        return [.. inputs.Select(i => padding.Apply(i, longest))];
    }

    public ModelInput AddControlTokens(TokenizedText text, TokenizedText? pair = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        return _definition.PostProcessor.Apply(text, pair);
    }

    private TokenizedText Covered(string text, bool parseSpecial)
    {
        TokenizedText tokens = EncodeWithOffsets(text, parseSpecial);
        return _definition.PostProcessor.TrimsOffsets ? PostProcessor.Trimmed(tokens, text) : tokens;
    }

    /// <summary>Added tokens that are not normalized are looked for first, in the text as it came.</summary>
    private void EncodeAround(string text, Matchers matchers, Run run)
    {
        text = CharacterKinds.WithoutLoneSurrogates(text);
        if (matchers.Raw.IsEmpty)
        {
            EncodeBetween(text, 0, matchers.Normalized, run);
            return;
        }
        int[]? scan = matchers.Raw.Scan(text);
        for (int from = 0; from < text.Length;)
        {
            AddedToken? token = matchers.Raw.Next(text, from, scan, out int start, out int end);
            if (start > from)
                EncodeBetween(start - from == text.Length ? text : text[from..start], from, matchers.Normalized, run);
            if (token is not null)
                run.Add(token.Id, start, end);
            from = end;
        }
    }

    /// <summary>The others are looked for in the text as it was normalized.</summary>
    private void EncodeBetween(string part, int origin, AddedTokenMatcher matcher, Run run)
    {
        if (part.Length == 0)
            return;
        var text = new AlignedText(part, origin, run.Offsets is not null || _definition.NeedsOrigins);
        text = _definition.Normalizer?.Apply(text) ?? text;
        string normalized = text.Text;
        if (matcher.IsEmpty)
        {
            EncodePieces(text, 0, normalized.Length, run);
            return;
        }
        int[]? scan = matcher.Scan(normalized);
        for (int from = 0; from < normalized.Length;)
        {
            AddedToken? token = matcher.Next(normalized, from, scan, out int start, out int end);
            EncodePieces(text, from, start, run);
            if (token is not null)
            {
                (int first, int last) = text.Original(start, end);
                run.Add(token.Id, first, last);
            }
            from = end;
        }
    }

    private void EncodePieces(AlignedText text, int start, int end, Run run)
    {
        Pieces pieces = run.Pieces;
        pieces.Start(text, start, end);
        foreach (Segmenter segmenter in _definition.Segmenters)
            segmenter.Apply(pieces);
        ReadOnlySpan<char> characters = pieces.Text.Text;
        foreach ((int from, int to) in pieces.Items)
        {
            if (run.Offsets is not null)
            {
                run.Spans.Clear();
                run.Ids.AddRange(_model.Compute(characters[from..to], run.Spans));
                foreach ((int first, int last) in run.Spans)
                    run.Offsets.Add(pieces.Text.Original(from + first, from + last));
                continue;
            }
            _model.Tokenize(characters[from..to], run.Ids);
        }
    }

    /// <summary>What one call collects.</summary>
    private sealed class Run(int capacity, bool withOffsets)
    {
        public List<int> Ids { get; } = new(capacity);

        public List<(int Start, int End)>? Offsets { get; } = withOffsets ? [] : null;

        public List<(int Start, int End)> Spans { get; } = [];

        public Pieces Pieces { get; } = new() { Text = new AlignedText("", 0, tracked: false) };

        public void Add(int id, int start, int end)
        {
            Ids.Add(id);
            Offsets?.Add((start, end));
        }
    }

    /// <summary>What is looked for in a text before it is normalized, and after.</summary>
    private sealed class Matchers(IReadOnlyList<AddedToken> tokens, Normalizer? normalizer)
    {
        public AddedTokenMatcher Raw { get; } = new(tokens.Where(t => !t.Normalized));

        public AddedTokenMatcher Normalized { get; } = new(tokens.Where(t => t.Normalized)
            .Select(t => (normalizer?.Apply(new AlignedText(t.Content, 0, tracked: false)).Text ?? t.Content, t)));
    }
}
