using System.Globalization;
using Cleave.Formats.Safetensors;
using Cleave.Numerics.Simd;
using Cleave.Numerics.Tensors;
using Cleave.Training.Optimizers;

namespace Cleave.Training;

/// <summary>
/// A training run's whole state in one safetensors file, written atomically: weights, both moments, the update count,
/// and the fingerprint of what is being trained, so that a checkpoint of another run is refused.
/// </summary>
public static class Checkpoint
{
    private const string FirstSuffix = ".adam_first", SecondSuffix = ".adam_second";

    /// <param name="fingerprint">Identifies the run: project, data and seed.</param>
    /// <param name="notes">What else the run must remember.</param>
    public static void Save(string path, AdamW optimizer, string fingerprint, IReadOnlyDictionary<string, string>? notes = null)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        var tensors = new List<TensorToWrite>();
        for (int i = 0; i < optimizer.Parameters.Count; i++)
        {
            (string name, Tensor tensor) = optimizer.Parameters[i];
            (NativeBuffer first, NativeBuffer second) = optimizer.Moments(i);
            long[] shape = [tensor.Rows, tensor.Columns];
            tensors.Add(Single(name, shape, () => tensor.Data));
            tensors.Add(Single(name + FirstSuffix, shape, () => first.Span));
            tensors.Add(Single(name + SecondSuffix, shape, () => second.Span));
        }
        var metadata = new Dictionary<string, string>(notes ?? new Dictionary<string, string>(), StringComparer.Ordinal)
        {
            ["fingerprint"] = fingerprint,
            ["step"] = optimizer.Step.ToString(CultureInfo.InvariantCulture),
        };
        SafetensorsWriter.Write(path, tensors, metadata);
    }

    /// <summary>Restores a run's state and returns its notes.</summary>
    /// <exception cref="CleaveException">The checkpoint is of another run, or damaged.</exception>
    public static IReadOnlyDictionary<string, string> Load(string path, AdamW optimizer, string fingerprint)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault("fingerprint") != fingerprint)
            throw new CleaveException($"{path}: this checkpoint is of another run (project, data or seed differ); use --force to start over");
        if (!int.TryParse(file.Metadata.GetValueOrDefault("step"), NumberStyles.None, CultureInfo.InvariantCulture, out int step))
            throw new ModelFileException(path, "the checkpoint has no step");
        for (int i = 0; i < optimizer.Parameters.Count; i++)
        {
            (string name, Tensor tensor) = optimizer.Parameters[i];
            (NativeBuffer first, NativeBuffer second) = optimizer.Moments(i);
            file.ReadSingle(name, tensor.Data);
            file.ReadSingle(name + FirstSuffix, first.Span);
            file.ReadSingle(name + SecondSuffix, second.Span);
        }
        optimizer.Restore(step);
        return file.Metadata;
    }

    private static TensorToWrite Single(string name, long[] shape, FloatSource values) =>
        new(name, SafetensorsDType.F32, shape, stream => TensorToWrite.Write(stream, SafetensorsDType.F32, values()));

    private delegate ReadOnlySpan<float> FloatSource();
}
