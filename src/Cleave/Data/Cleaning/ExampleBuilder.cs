using Cleave.Data.Reading;

namespace Cleave.Data.Cleaning;

/// <summary>Turns rows into examples by a task's columns; counts what it must drop.</summary>
internal sealed class ExampleBuilder
{
    /// <summary>Above this share of answers that are not in their text the data is wrong, not noisy.</summary>
    private const double MaxLostAnswers = 0.10;

    private readonly TaskSource _source;
    private readonly ProblemList _problems;
    private readonly Template _text, _target;
    private readonly Template? _question, _rejected;
    private readonly Dictionary<string, int> _droppedAt = [];
    private readonly List<DroppedRows> _dropped = [];
    private int _answers, _lostAnswers;
    private string _firstLost = "";

    public ExampleBuilder(TaskSource source, ProblemList problems)
    {
        (_source, _problems) = (source, problems);
        _text = Template.Parse(source.Text);
        _target = Template.Parse(source.Target);
        _question = source.Question is null ? null : Template.Parse(source.Question);
        _rejected = source.Rejected is null ? null : Template.Parse(source.Rejected);
    }

    public IReadOnlyList<DroppedRows> Dropped => _dropped;

    /// <summary>The columns that every file must have.</summary>
    public IEnumerable<string> Required()
    {
        IEnumerable<string> columns = _text.Columns;
        if (_source.Kind == TaskKind.Classify)
            columns = columns.Append(_source.Label);
        else if (_source.Kind == TaskKind.Generate)
            columns = columns.Concat(_target.Columns).Concat(_rejected?.Columns ?? []);
        else if (_source.Kind == TaskKind.Extract)
            columns = columns.Concat(_question?.Columns ?? []).Concat(new[] { _source.Answer, _source.Spans }.OfType<string>());
        return columns.Distinct();
    }

    /// <summary>The example, or null where the row is dropped or a problem was noted.</summary>
    public Example? Build(Row row)
    {
        if (_text.Render(row) is not { } text || string.IsNullOrWhiteSpace(text))
            return Drop("no text", row);
        var example = new Example { Text = text, Source = row.Source };
        switch (_source.Kind)
        {
            case TaskKind.Classify:
                string? label = row[_source.Label]?.Trim();
                return string.IsNullOrEmpty(label) ? Drop("no label", row) : example with { Label = label };
            case TaskKind.Generate:
                string? target = _target.Render(row);
                string? rejected = _rejected?.Render(row);
                if (_rejected is not null && string.IsNullOrWhiteSpace(rejected))
                    return Drop("no rejected answer", row);
                if (!string.IsNullOrWhiteSpace(target))
                    return example with { Target = target, Rejected = rejected };
                _problems.Add("the target is empty", row.Source);
                return null;
            case TaskKind.Extract:
                return Extract(row, example with { Question = _question is null ? row["question"] : _question.Render(row) });
            default:
                return example;
        }
    }

    /// <summary>Says so where too many answers were not in their texts.</summary>
    public void Finish()
    {
        if (_lostAnswers > MaxLostAnswers * _answers)
            _problems.Add($"{_lostAnswers} of {_answers} answers are not words of their text (first at {_firstLost}); "
                + "write them exactly as the text has them");
    }

    private Example? Extract(Row row, Example example)
    {
        if (_question is not null && string.IsNullOrWhiteSpace(example.Question))
            return Drop("no question", row);
        bool answers = _source.Answer is not null || (_source.Spans is null && row.Has("answer"));
        if (answers)
            return WithAnswer(row, example, row[_source.Answer ?? "answer"] ?? "");
        string column = _source.Spans ?? "spans";
        if (row[column] is not { } json || string.IsNullOrWhiteSpace(json))
            return Drop($"no {column}", row);
        if (SpanColumn.Parse(json, example.Text, out string problem) is { } spans)
            return example with { Spans = spans };
        _problems.Add(problem, row.Source);
        return null;
    }

    private Example? WithAnswer(Row row, Example example, string answer)
    {
        answer = answer.Trim();
        if (answer.Length == 0)
            return example with { Target = "" };
        _answers++;
        int at = example.Text.IndexOf(answer, StringComparison.Ordinal);
        if (at >= 0)
            return example with { Target = answer, Spans = [new TextSpan(at, at + answer.Length, "answer")] };
        if (_lostAnswers++ == 0)
            _firstLost = row.Source;
        return Drop("the answer is not in the text", row);
    }

    private Example? Drop(string reason, Row row)
    {
        if (!_droppedAt.TryGetValue(reason, out int at))
        {
            _droppedAt[reason] = at = _dropped.Count;
            _dropped.Add(new DroppedRows(reason, 0, row.Source));
        }
        _dropped[at] = _dropped[at] with { Count = _dropped[at].Count + 1 };
        return null;
    }
}
