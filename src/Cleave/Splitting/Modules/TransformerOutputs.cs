using Cleave.Data;
using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;
using Cleave.Training.FineTuning;

namespace Cleave.Splitting.Modules;

/// <summary>Runs a transformer on a task's items and hands out the logits of every supervised row.</summary>
public sealed class TransformerOutputs(Transformer trunk, TaskHead? head) : IDisposable
{
    /// <summary>Likeliest tokens that are kept of a teacher's distribution over the vocabulary.</summary>
    public const int TeacherWidth = 16;

    private const int TokensPerBatch = 1024;
    private readonly Tape _tape = new(records: false);
    private readonly TaskStates _states = new(trunk, head);

    /// <summary>Calls <paramref name="visit"/> (index of the item, rows, columns, logits) for each item, in order.</summary>
    public void Run(IReadOnlyList<TaskItem> items, RowsVisitor visit, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(visit);
        int next = 0;
        while (next < items.Count)
        {
            cancellation.ThrowIfCancellationRequested();
            int first = next;
            int tokens = 0, start = 0;
            var rows = new List<int>();
            do
            {
                TaskItem item = items[next++];
                for (int i = 0; i < item.Targets.Length; i++)
                {
                    if (item.Targets[i] >= 0)
                        rows.Add(start + i);
                }
                start += item.Rows;
                tokens += item.Tokens;
            }
            while (next < items.Count && tokens + items[next].Tokens <= TokensPerBatch);
            Tensor logits = Logits([.. items.Skip(first).Take(next - first)], rows);
            Visit(items, first, next, logits, visit);
            _tape.Reset();
        }
    }

    /// <summary>What this model teaches about each item.</summary>
    public TeacherTargets[] Teach(IReadOnlyList<TaskItem> items, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(items);
        var targets = new TeacherTargets[items.Count];
        Run(items, (i, rows, columns, logits) => targets[i] = head is not null
            ? new TeacherTargets(logits.ToArray(), columns)
            : TeacherTargets.Top(logits, rows, columns, TeacherWidth), cancellation);
        return targets;
    }

    public void Dispose() => _tape.Dispose();

    private Tensor Logits(TaskItem[] items, List<int> rows)
    {
        Tensor hidden = _states.Forward(_tape, items);
        if (head is { Kind: HeadKind.Classify })
            return head.Forward(_tape, trunk.Reader, hidden, _states.Batch);
        Tensor supervised = Op.GatherRows(_tape, hidden, rows.ToArray());
        return head?.Projection.Forward(_tape, supervised) ?? trunk.Logits(_tape, supervised);
    }

    private void Visit(IReadOnlyList<TaskItem> items, int first, int end, Tensor logits, RowsVisitor visit)
    {
        int row = 0;
        for (int i = first; i < end; i++)
        {
            int rows = head is { Kind: HeadKind.Classify } ? 1 : items[i].Supervised;
            visit(i, rows, logits.Columns, logits.Data.Slice(row * logits.Columns, rows * logits.Columns));
            row += rows;
        }
    }
}

/// <summary>Sees the logits of one item: (rows, columns).</summary>
public delegate void RowsVisitor(int item, int rows, int columns, ReadOnlySpan<float> logits);
