using Cleave.Data;
using Cleave.Models;
using Cleave.Tokenizers;
using Cleave.Tokenizers.PostProcessors;

namespace Cleave.Training.FineTuning;

/// <summary>What a model reads to judge a text.</summary>
/// <param name="First">The row of the text's own first token; a question and control tokens stand before it, control tokens behind.</param>
/// <param name="Offsets">What each of the text's own tokens covers.</param>
/// <param name="Types">As <see cref="TaskItem.Types"/>.</param>
public readonly record struct LocatedText(int[] Ids, int First, (int Start, int End)[] Offsets, int[]? Types)
{
    /// <summary>An item with something to say about each of the text's own tokens, and nothing about the others.</summary>
    /// <param name="withFirst">Also about the first control token.</param>
    public TaskItem Item(int[] targets, int index, bool withFirst = false)
    {
        var all = new int[Ids.Length];
        Array.Fill(all, -1);
        targets.CopyTo(all, First);
        if (withFirst)
            all[0] = 0;
        return new TaskItem(Ids, all, index) { Types = Types };
    }
}

/// <summary>
/// Turns a task's examples into tokens, the same way for training and for use. A decoder's sequences start with the tokenizer's
/// beginning-of-text token where it has one, and generation ends with its end-of-text token; an encoder's have the control
/// tokens around them that its tokenizer puts there, a question as the first of two texts.
/// </summary>
public sealed class TaskEncoder
{
    private static readonly TokenizedText Nothing = new([], []);
    private readonly ITokenizer _tokenizer;
    private readonly int _maxTokens;
    private readonly bool _isEncoder;
    private readonly int _types;
    private readonly Dictionary<string, int> _labels = new(StringComparer.Ordinal);
    private readonly int[] _start;
    private readonly int? _decoderStart;

    /// <param name="labels">Classes, or span labels; empty for generation.</param>
    /// <param name="maxTokens">
    /// Longer inputs are cut: at the end for a text to judge or to answer, at the beginning for a prompt that is continued.
    /// </param>
    public TaskEncoder(TaskKind kind, LanguageModel model, IReadOnlyList<string> labels, int maxTokens)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(labels);
        (Kind, _tokenizer, _maxTokens, _decoderStart) = (kind, model.Tokenizer, maxTokens, model.DecoderStart);
        TransformerSpec reader = model.Transformer.Reader.Spec;
        (_isEncoder, _types) = (reader.Bidirectional, reader.TokenTypes);
        _start = (_tokenizer.BosId ?? _tokenizer.EosId) is { } id ? [id] : [];
        Scheme = kind == TaskKind.Extract ? new TagScheme(labels) : null;
        for (int i = 0; i < labels.Count; i++)
            _labels[labels[i]] = i;
    }

    public TaskKind Kind { get; }

    /// <summary>The tags of an extraction task.</summary>
    public TagScheme? Scheme { get; }

    /// <summary>The token that ends a generated text; texts of a tokenizer without one end at a line break.</summary>
    public bool IsEnd(int token) => _tokenizer.EosId is { } eos ? token == eos : _tokenizer.Decode([token]).Contains('\n', StringComparison.Ordinal);

    public TaskItem Encode(Example example, int index)
    {
        ArgumentNullException.ThrowIfNull(example);
        return Kind switch
        {
            TaskKind.Classify => Text(example, _labels[example.Label!], index),
            TaskKind.Extract => EncodeSpans(example, index),
            TaskKind.Generate => EncodeReply(example.Text, example.Target!, index),
            _ => EncodeText(example, index),
        };
    }

    /// <summary>A text of one class.</summary>
    public TaskItem Text(Example example, int label, int index)
    {
        LocatedText text = Located(example);
        return new TaskItem(text.Ids, [label], index) { Types = text.Types };
    }

    /// <summary>What the model reads to judge a text: its tokens, after the question's where there is one.</summary>
    public LocatedText Located(Example example)
    {
        ArgumentNullException.ThrowIfNull(example);
        return _isEncoder ? Surrounded(example) : Started(example);
    }

    private LocatedText Started(Example example)
    {
        int[] question = string.IsNullOrEmpty(example.Question) ? [] : _tokenizer.Encode(example.Question + "\n");
        TokenizedText text = _tokenizer.EncodeWithOffsets(example.Text);
        int first = Math.Min(_start.Length + question.Length, _maxTokens - 1);
        int take = Math.Min(text.Ids.Length, _maxTokens - first);
        int[] ids = [.. _start.Concat(question).Take(first), .. text.Ids.Take(take)];
        if (ids.Length == 0) // an empty text, and no token to start with
            ids = [0];
        return new LocatedText(ids, first, text.Offsets[..take], null);
    }

    private LocatedText Surrounded(Example example)
    {
        TokenizedText text = _tokenizer.EncodeWithOffsets(example.Text);
        TokenizedText? question = string.IsNullOrEmpty(example.Question) ? null : _tokenizer.EncodeWithOffsets(example.Question);
        int room = Math.Max(1, _maxTokens - _tokenizer.AddControlTokens(Nothing, question is null ? null : Nothing).Ids.Length);
        question = question is null ? null : Cut(question, room - 1);
        text = Cut(text, room - (question?.Ids.Length ?? 0));
        ModelInput input = question is null ? _tokenizer.AddControlTokens(text) : _tokenizer.AddControlTokens(question, text);
        if (input.Ids.Length == 0) // an empty text, and no control tokens
            return new LocatedText([0], 0, [], null);
        int behind = input.IsSpecial.Reverse().TakeWhile(special => special).Count();
        int first = text.Ids.Length == 0 ? input.Ids.Length : input.Ids.Length - behind - text.Ids.Length;
        if (_types > 1 && input.TypeIds.Max() is var kind && kind >= _types)
            throw new CleaveException($"the tokenizer puts tokens of kind {kind} into a pair of texts, but the model tells {_types} kinds apart; they belong to different models");
        return new LocatedText(input.Ids, first, text.Offsets, _types > 1 ? input.TypeIds : null);
    }

    private static TokenizedText Cut(TokenizedText text, int most) =>
        text.Ids.Length <= most ? text : new TokenizedText(text.Ids[..most], text.Offsets[..most]);

    /// <summary>
    /// What a generation continues: the conversation so far, and the word that gives the turn to the model. What an encoder
    /// reads is the text as it is, one message without its speaker, and the token that ends it.
    /// </summary>
    public int[] Prompt(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (_decoderStart is not null)
            return Ended(_tokenizer.Encode(OneMessage(text)));
        bool isDialogue = text.StartsWith("user:", StringComparison.Ordinal) || text.StartsWith("assistant:", StringComparison.Ordinal);
        int[] ids = _tokenizer.Encode((isDialogue ? text : "user: " + text) + "\nassistant:");
        int room = Math.Max(1, _maxTokens * 3 / 4 - _start.Length); // the rest is for the answer
        return [.. _start, .. ids.Skip(Math.Max(0, ids.Length - room))];
    }

    private TaskItem EncodeSpans(Example example, int index)
    {
        LocatedText text = Located(example);
        return text.Item(Scheme!.Encode(example.Spans, text.Offsets), index);
    }

    /// <summary>A length that nearly all replies of training items stay below; a model that does not stop is cut off there.</summary>
    public static int LongestReply(IReadOnlyList<TaskItem> items, int most)
    {
        int[] lengths = [.. items.Select(t => t.Supervised).Order()];
        return Math.Clamp((int)(lengths[(int)(0.99 * (lengths.Length - 1))] * 1.25) + 1, 4, most);
    }

    /// <summary>A preference: the better answer and the worse one to the same prompt.</summary>
    public PreferencePair EncodePair(Example example, int index)
    {
        ArgumentNullException.ThrowIfNull(example);
        return new PreferencePair(EncodeReply(example.Text, example.Target!, index), EncodeReply(example.Text, example.Rejected!, index));
    }

    private TaskItem EncodeReply(string text, string answer, int index)
    {
        int[] prompt = Prompt(text);
        if (_decoderStart is { } start)
        {
            int[] answered = Ended(_tokenizer.Encode(answer.Trim()));
            return new TaskItem(prompt, answered, index) { DecoderIds = [start, .. answered[..^1]] };
        }
        int[] reply = [.. _tokenizer.Encode(" " + answer.Trim()), .. End()];
        reply = reply[..Math.Min(reply.Length, _maxTokens - prompt.Length)];
        int[] all = [.. prompt, .. reply];
        var targets = new int[all.Length - 1];
        Array.Fill(targets, -1, 0, prompt.Length - 1);
        Array.Copy(all, prompt.Length, targets, prompt.Length - 1, reply.Length);
        return new TaskItem(all[..^1], targets, index);
    }

    private int[] Ended(int[] ids)
    {
        int[] end = End();
        return [.. ids.Take(Math.Max(0, _maxTokens - end.Length)), .. end];
    }

    private static string OneMessage(string text)
    {
        const string User = "user:";
        return text.StartsWith(User, StringComparison.Ordinal) && !text.Contains("\nuser:", StringComparison.Ordinal) && !text.Contains("\nassistant:", StringComparison.Ordinal)
            ? text[User.Length..].TrimStart() : text;
    }

    private TaskItem EncodeText(Example example, int index)
    {
        int[] all = [.. _start, .. _tokenizer.Encode(example.Text), .. End()];
        all = all[..Math.Min(all.Length, _maxTokens + 1)];
        return new TaskItem(all[..^1], all[1..], index);
    }

    private int[] End() => _tokenizer.EosId is { } eos ? [eos] : _tokenizer.Encode("\n");
}
