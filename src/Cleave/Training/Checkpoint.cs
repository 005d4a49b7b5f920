using System.Globalization;
using Cleave.Formats.Safetensors;
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
    public static void Save(string path, Optimizer optimizer, string fingerprint, IReadOnlyDictionary<string, string>? notes = null, IReadOnlyList<WeightCopy>? copies = null)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        var tensors = new List<TensorToWrite>();
        foreach ((string name, Tensor tensor) in optimizer.Parameters)
            tensors.Add(Single(name, tensor.Rows, tensor.Columns, () => tensor.Data));
        foreach ((string name, StateShape shape, NativeBuffer buffer) in States(optimizer, copies))
            tensors.Add(Single(name, shape.Rows, shape.Columns, () => buffer.Span));
        var metadata = new Dictionary<string, string>(notes ?? new Dictionary<string, string>(), StringComparer.Ordinal)
        {
            ["fingerprint"] = fingerprint,
            ["step"] = optimizer.Step.ToString(CultureInfo.InvariantCulture),
        };
        SafetensorsWriter.Write(path, tensors, metadata);
    }

    /// <summary>Restores a run's state and returns its notes.</summary>
    /// <exception cref="CleaveException">The checkpoint is of another run, or damaged.</exception>
    public static IReadOnlyDictionary<string, string> Load(string path, Optimizer optimizer, string fingerprint, IReadOnlyList<WeightCopy>? copies = null)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault("fingerprint") != fingerprint)
            throw new CleaveException($"{path}: this checkpoint is of another run (project, data or seed differ); use --force to start over");
        if (!int.TryParse(file.Metadata.GetValueOrDefault("step"), NumberStyles.None, CultureInfo.InvariantCulture, out int step))
            throw new ModelFileException(path, "the checkpoint has no step");
        foreach ((string name, Tensor tensor) in optimizer.Parameters)
            file.ReadSingle(name, tensor.Data);
        foreach ((string name, _, NativeBuffer buffer) in States(optimizer, copies))
            file.ReadSingle(name, buffer.Span);
        optimizer.Restore(step);
        return file.Metadata;
    }

    private static IEnumerable<(string Name, StateShape Shape, NativeBuffer Buffer)> States(Optimizer optimizer, IReadOnlyList<WeightCopy>? copies) =>
        optimizer.State().Concat((copies ?? []).SelectMany(c => c.State()));

    private static TensorToWrite Single(string name, int rows, int columns, FloatSource values) =>
        new(name, SafetensorsDType.F32, [rows, columns], stream => TensorToWrite.Write(stream, SafetensorsDType.F32, values()));

    private delegate ReadOnlySpan<float> FloatSource();
}
