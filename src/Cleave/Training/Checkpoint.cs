using System.Globalization;
using System.Text.Json;
using Cleave.Formats.Safetensors;
using Cleave.Numerics.Distributed;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Tensors;
using Cleave.Training.Optimizers;

namespace Cleave.Training;

/// <summary>
/// A training run's whole state in one safetensors file, written atomically: weights, what the optimizer remembers, other
/// sets of weights, the update count, and the fingerprint of what is being trained, so that a checkpoint of another run is refused.
/// </summary>
public static class Checkpoint
{
    /// <param name="fingerprint">Identifies the run: project, data and seed.</param>
    /// <param name="notes">What else the run must remember.</param>
    /// <param name="copies">Averages and the best weights.</param>
    /// <remarks>Of several ranks the first writes, and the others send it what they keep; the file does not show how many there were.</remarks>
    public static void Save(string path, Optimizer optimizer, string fingerprint, IReadOnlyDictionary<string, string>? notes = null, IReadOnlyList<WeightCopy>? copies = null)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        if (optimizer.Ranks.Rank != 0)
        {
            foreach (OptimizerState state in optimizer.State())
            {
                if (state.Buffer is { } own)
                    optimizer.Ranks.Send(own.Span, 0);
            }
            return;
        }
        var tensors = new List<TensorToWrite>();
        foreach ((string name, Tensor tensor) in optimizer.Parameters)
            tensors.Add(Single(name, tensor.Rows, tensor.Columns, () => tensor.Data));
        foreach (OptimizerState state in optimizer.State())
            tensors.Add(Single(state.Name, state.Shape.Rows, state.Shape.Columns, () => state.Buffer is { } own ? own.Span : Received(optimizer, state)));
        foreach ((string name, StateShape shape, NativeBuffer buffer) in Copied(copies))
            tensors.Add(Single(name, shape.Rows, shape.Columns, () => buffer.Span));
        var metadata = new Dictionary<string, string>(notes ?? new Dictionary<string, string>(), StringComparer.Ordinal)
        {
            ["fingerprint"] = fingerprint,
            ["step"] = optimizer.Step.ToString(CultureInfo.InvariantCulture),
        };
        SafetensorsWriter.Write(path, tensors, metadata);
    }

    /// <summary>Restores a run's state and returns its notes.</summary>
    /// <remarks>Of several ranks the first reads, and sends the others what they keep.</remarks>
    /// <exception cref="CleaveException">The checkpoint is of another run, or damaged.</exception>
    public static IReadOnlyDictionary<string, string> Load(string path, Optimizer optimizer, string fingerprint, IReadOnlyList<WeightCopy>? copies = null)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        ICollective ranks = optimizer.Ranks;
        using SafetensorsFile? file = ranks.Rank == 0 ? SafetensorsFile.Open(path) : null;
        IReadOnlyDictionary<string, string> notes = NotesOfFirst(file, ranks);
        if (notes.GetValueOrDefault("fingerprint") != fingerprint)
            throw new CleaveException($"{path}: this checkpoint is of another run (project, data or seed differ); use --force to start over");
        if (!int.TryParse(notes.GetValueOrDefault("step"), NumberStyles.None, CultureInfo.InvariantCulture, out int step))
            throw new ModelFileException(path, "the checkpoint has no step");
        foreach ((string name, Tensor tensor) in optimizer.Parameters)
            ReadShared(name, tensor.Data);
        foreach (OptimizerState state in optimizer.State())
            ReadOwned(state);
        foreach ((string name, _, NativeBuffer buffer) in Copied(copies))
            ReadShared(name, buffer.Span);
        optimizer.Restore(step);
        return notes;

        void ReadShared(string name, Span<float> values)
        {
            file?.ReadSingle(name, values);
            ranks.Broadcast(values, 0);
        }

        void ReadOwned(OptimizerState state)
        {
            using NativeBuffer? other = file is not null && state.Buffer is null ? new NativeBuffer(state.Shape.Rows * state.Shape.Columns) : null;
            file?.ReadSingle(state.Name, (state.Buffer ?? other)!.Span);
            if (other is not null)
                ranks.Send(other.Span, state.Owner);
            else if (file is null && state.Buffer is { } own)
                ranks.Receive(own.Span, 0);
        }
    }

    private static IReadOnlyDictionary<string, string> NotesOfFirst(SafetensorsFile? file, ICollective ranks) => ranks.Size == 1 ? file!.Metadata
        : JsonSerializer.Deserialize<Dictionary<string, string>>(ranks.OfFirst(JsonSerializer.Serialize(file?.Metadata)))!;

    private static ReadOnlySpan<float> Received(Optimizer optimizer, OptimizerState state)
    {
        var values = new float[state.Shape.Rows * state.Shape.Columns]; // one at a time, as the writer comes to it
        optimizer.Ranks.Receive(values, state.Owner);
        return values;
    }

    private static IEnumerable<(string Name, StateShape Shape, NativeBuffer Buffer)> Copied(IReadOnlyList<WeightCopy>? copies) => (copies ?? []).SelectMany(c => c.State());

    /// <summary>The same failure, with the state that can be gone on from.</summary>
    public static DivergedException Kept(DivergedException failure, string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return new DivergedException(failure, $"the last good state, of update {file.Metadata.GetValueOrDefault("step") ?? "0"}, is kept in {path}: continue it with --resume and a lower --learning-rate");
    }

    private static TensorToWrite Single(string name, int rows, int columns, FloatSource values) =>
        new(name, SafetensorsDType.F32, [rows, columns], stream => TensorToWrite.Write(stream, SafetensorsDType.F32, values()));

    private delegate ReadOnlySpan<float> FloatSource();
}
