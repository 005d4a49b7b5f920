using Cleave.Data;
using Cleave.Tokenizers;

namespace Cleave.Training.FineTuning;

/// <summary>
/// Turns a task's examples into tokens, the same way for training and for use. Sequences start with the tokenizer's
/// beginning-of-text token where it has one; generation ends with its end-of-text token.
/// </summary>
public sealed class TaskEncoder
{
    private readonly ITokenizer _tokenizer;
    private readonly int _maxTokens;
    private readonly Dictionary<string, int> _labels = new(StringComparer.Ordinal);
    private readonly int[] _start;

    /// <param name="labels">Classes, or span labels; empty for generation.</param>
    /// <param name="maxTokens">Longer inputs are cut: at the end for a text to judge, at the beginning for a prompt.</param>
    public TaskEncoder(TaskKind kind, ITokenizer tokenizer, IReadOnlyList<string> labels, int maxTokens)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(labels);
        (Kind, _tokenizer, _maxTokens) = (kind, tokenizer, maxTokens);
        _start = (tokenizer.BosId ?? tokenizer.EosId) is { } id ? [id] : [];
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
            TaskKind.Classify => new TaskItem(Input(example), [_labels[example.Label!]], index),
            TaskKind.Extract => EncodeSpans(example, index),
            TaskKind.Generate => EncodeReply(example.Text, example.Target!, index),
            _ => EncodeText(example, index),
        };
    }

    /// <summary>What the model reads to judge a text: its tokens, after the question's where there is one.</summary>
    public int[] Input(Example example) => Located(example).Ids;

    /// <summary>As <see cref="Input"/>, with the text's own tokens located: row <c>First</c> is the first of them.</summary>
    public (int[] Ids, int First, (int Start, int End)[] Offsets) Located(Example example)
    {
        ArgumentNullException.ThrowIfNull(example);
        int[] question = string.IsNullOrEmpty(example.Question) ? [] : _tokenizer.Encode(example.Question + "\n");
        TokenizedText text = _tokenizer.EncodeWithOffsets(example.Text);
        int first = Math.Min(_start.Length + question.Length, _maxTokens - 1);
        int take = Math.Min(text.Ids.Length, _maxTokens - first);
        int[] ids = [.. _start.Concat(question).Take(first), .. text.Ids.Take(take)];
        if (ids.Length == 0) // an empty text, and no token to start with
            ids = [0];
        return (ids, first, text.Offsets[..take]);
    }

    /// <summary>What a generation continues: the conversation so far, and the word that gives the turn to the model.</summary>
    public int[] Prompt(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        bool isDialogue = text.StartsWith("user:", StringComparison.Ordinal) || text.StartsWith("assistant:", StringComparison.Ordinal);
        int[] ids = _tokenizer.Encode((isDialogue ? text : "user: " + text) + "\nassistant:");
        int room = Math.Max(1, _maxTokens * 3 / 4 - _start.Length); // the rest is for the answer
        return [.. _start, .. ids.Skip(Math.Max(0, ids.Length - room))];
    }

    private TaskItem EncodeSpans(Example example, int index)
    {
        (int[] ids, int first, (int, int)[] offsets) = Located(example);
        var targets = new int[ids.Length];
        Array.Fill(targets, -1);
        Scheme!.Encode(example.Spans, offsets).CopyTo(targets, first);
        return new TaskItem(ids, targets, index);
    }

    /// <summary>A length that nearly all replies of training items stay below; a model that does not stop is cut off there.</summary>
    public static int LongestReply(IReadOnlyList<TaskItem> items, int maxTokens)
    {
        int[] lengths = [.. items.Select(t => t.Supervised).Order()];
        return Math.Clamp((int)(lengths[(int)(0.99 * (lengths.Length - 1))] * 1.25) + 1, 4, maxTokens / 2);
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
        int[] reply = [.. _tokenizer.Encode(" " + answer.Trim()), .. End()];
        reply = reply[..Math.Min(reply.Length, _maxTokens - prompt.Length)];
        int[] all = [.. prompt, .. reply];
        var targets = new int[all.Length - 1];
        Array.Fill(targets, -1, 0, prompt.Length - 1);
        Array.Copy(all, prompt.Length, targets, prompt.Length - 1, reply.Length);
        return new TaskItem(all[..^1], targets, index);
    }

    private TaskItem EncodeText(Example example, int index)
    {
        int[] all = [.. _start, .. _tokenizer.Encode(example.Text), .. End()];
        all = all[..Math.Min(all.Length, _maxTokens + 1)];
        return new TaskItem(all[..^1], all[1..], index);
    }

    private int[] End() => _tokenizer.EosId is { } eos ? [eos] : _tokenizer.Encode("\n");
}
