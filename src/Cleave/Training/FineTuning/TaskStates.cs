using Cleave.Models;
using Cleave.Models.Heads;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.FineTuning;

/// <summary>
/// Runs a transformer on a task's items. A head reads the states of the stack that judges texts, of an encoder–decoder its encoder;
/// without a head, items with <see cref="TaskItem.DecoderIds"/> are read by the encoder and answered by the decoder.
/// </summary>
public sealed class TaskStates(Transformer trunk, TaskHead? head)
{
    private readonly TokenBatch _source = new();
    private readonly TokenBatch _batch = new();

    /// <summary>The sequences that the last states are of.</summary>
    public TokenBatch Batch => _batch;

    /// <summary>The hidden states of all items' rows, one after the other.</summary>
    public Tensor Forward(Tape tape, IReadOnlyList<TaskItem> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        _source.Clear();
        _batch.Clear();
        bool across = items is [{ DecoderIds: not null }, ..];
        foreach (TaskItem item in items)
        {
            if (across)
                _source.Add(item.Ids);
            if (across)
                _batch.Add(item.DecoderIds);
            else
                _batch.Add(item.Ids, item.Types);
        }
        return head is not null ? trunk.Reader.Forward(tape, _batch, head.Causal)
            : across ? trunk.Forward(tape, _batch, source: trunk.Encode(tape, _source)) : trunk.Forward(tape, _batch);
    }
}
