using Cleave.Formats.Durable;
using Cleave.Formats.Safetensors;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Families;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Adapters;

/// <summary>
/// An adapter on disk as Hugging Face's PEFT keeps it: adapter_config.json and adapter_model.safetensors, whose tensors are
/// <c>base_model.model.MODULE.lora_A.weight</c> and so on.
/// </summary>
public static class AdapterFolder
{
    public const string Weights = "adapter_model.safetensors";

    private const string Prefix = "base_model.model.", A = "lora_A.weight", B = "lora_B.weight", Magnitude = "lora_magnitude_vector", Factors = "ia3_l";

    /// <summary>Whether a folder holds an adapter.</summary>
    public static bool IsAdapter(string folder) => File.Exists(Path.Combine(folder, PeftConfig.FileName));

    /// <summary>The name of the model that an adapter was trained on, as its maker called it, or null.</summary>
    /// <exception cref="ModelFileException">The config is missing or damaged.</exception>
    public static string? BaseModelOf(string folder) => PeftConfig.Read(folder).BaseModel;

    /// <summary>Reads an adapter and puts it on a transformer, which is frozen.</summary>
    /// <exception cref="ModelFileException">A file is missing or damaged, or the adapter belongs to another model.</exception>
    public static Adapter Load(string folder, Transformer transformer)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(transformer);
        PeftConfig config = PeftConfig.Read(folder);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, Weights));
        var reader = new Reader(file, config);
        Dictionary<string, Tensor> others = reader.Others();
        Adapter adapter = Adapter.Restore(transformer, config.Options, reader.Make, config.AlphaOf, others);
        Family family = Family.Of(transformer.Spec);
        HashSet<string> own = [.. transformer.Weights().Select(w => family.Place(transformer.Spec, w.Name).Name), family.Place(transformer.Spec, WeightNames.Output).Name];
        if (others.Keys.FirstOrDefault(n => n.StartsWith(Prefix, StringComparison.Ordinal) && own.Contains(n[Prefix.Length..])) is { } whole)
        {
            adapter.Detach();
            throw new ModelFileException(file.Path, $"the tensor {whole}: adapters that train the base's own weights too (modules_to_save, train biases) are not supported; merge it where it was made");
        }
        string? unknown = file.Names.FirstOrDefault(n => !reader.Used.Contains(n) && !others.ContainsKey(n));
        if (unknown is null && adapter.Modules.Count > 0)
            return adapter;
        adapter.Detach();
        throw new ModelFileException(file.Path, unknown is null ? "it adapts no matrix of the model"
            : $"the tensor {unknown} belongs to no matrix of the model; the adapter was made for another one{(config.BaseModel is { } made ? $" ('{made}')" : "")}");
    }

    /// <summary>A tensor of a module that was trained beside an adapter, or null.</summary>
    /// <param name="name">Behind <c>base_model.model.</c>.</param>
    public static Tensor? Other(Adapter adapter, string name)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        return adapter.Others.GetValueOrDefault(Prefix + name);
    }

    /// <summary>Writes an adapter.</summary>
    /// <param name="baseModel">What the adapter was trained on, for PEFT to find it.</param>
    /// <param name="others">Tensors of whole modules that were trained beside it, by their names behind <c>base_model.model.</c>; null for what it was loaded with.</param>
    public static void Save(string folder, Adapter adapter, string? baseModel, IEnumerable<(string Name, Tensor Tensor)>? others = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(adapter);
        Directory.CreateDirectory(folder);
        bool transposed = adapter.Modules.Any(m => m.Parts[0].Place.Transposed);
        var tensors = new List<TensorToWrite>();
        foreach (AdaptedModule module in adapter.Modules)
        {
            int rows = module.Parts[0].Place.FusedRows is > 0 and int fused ? fused : module.Parts[0].Linear.Outputs;
            string name = Prefix + module.Name + ".";
            if (module.Parts[0].Linear is Ia3Linear { OfInputs: var ofInputs })
            {
                tensors.Add(ofInputs ? Single(name + Factors, [1, module.Parts[0].Linear.Inputs], ((Ia3Linear)module.Parts[0].Linear).Factors.Data.ToArray())
                    : Single(name + Factors, [rows, 1], Join(module, rows, 1, 1, p => ((Ia3Linear)p).Factors)));
                continue;
            }
            var first = (LoraLinear)module.Parts[0].Linear;
            tensors.Add(Single(name + A, [first.Rank, first.Inputs], first.A.Data.ToArray()));
            tensors.Add(Single(name + B, [rows, first.Rank], Join(module, rows, first.Rank, 0, p => ((LoraLinear)p).B)));
            if (first.Magnitude is not null)
                tensors.Add(Single(name + Magnitude, [rows], Join(module, rows, 1, 1, p => ((LoraLinear)p).Magnitude!)));
        }
        foreach ((string name, Tensor tensor) in others?.Select(o => (Prefix + o.Name, o.Tensor)) ?? adapter.Others.Select(o => (o.Key, o.Value)))
            tensors.Add(Single(name, tensor.Rows == 1 ? [tensor.Columns] : [tensor.Rows, tensor.Columns], tensor.Data.ToArray()));
        SafetensorsWriter.Write(Path.Combine(folder, Weights), tensors, SafetensorsWriter.TransformersMetadata);
        AtomicFile.WriteText(Path.Combine(folder, PeftConfig.FileName), new PeftConfig(adapter.Options) { BaseModel = baseModel }.Write(adapter, transposed));
    }

    // The parts' rows where the joined matrix has them; rows of parts without an adapter stay at what changes nothing.
    private static float[] Join(AdaptedModule module, int rows, int columns, float neutral, Func<AdaptedLinear, Tensor> of)
    {
        var all = new float[rows * columns];
        Array.Fill(all, neutral);
        foreach (AdaptedPart part in module.Parts)
        {
            ReadOnlySpan<float> own = of(part.Linear).Data;
            for (int r = 0; r < part.Linear.Outputs; r++)
                own.Slice(r * columns, columns).CopyTo(all.AsSpan(part.Place.Row(r) * columns));
        }
        return all;
    }

    private static TensorToWrite Single(string name, long[] shape, float[] values) => TensorToWrite.From(name, SafetensorsDType.F32, shape, values);

    /// <summary>Takes the parts of an adapter out of its file.</summary>
    private sealed class Reader(SafetensorsFile file, PeftConfig config)
    {
        private readonly Dictionary<string, Tensor> _shared = new(StringComparer.Ordinal);

        public HashSet<string> Used { get; } = new(StringComparer.Ordinal);

        /// <summary>What belongs to whole modules that were trained beside the adapter.</summary>
        public Dictionary<string, Tensor> Others()
        {
            var others = new Dictionary<string, Tensor>(StringComparer.Ordinal);
            foreach (string name in file.Names)
            {
                if (name.Contains("lora_", StringComparison.Ordinal) || name.Contains("ia3_l", StringComparison.Ordinal))
                    continue;
                if (config.HasBiases && name.EndsWith(".bias", StringComparison.Ordinal))
                    throw new ModelFileException(file.Path, $"the tensor {name}: adapters that train biases too are not supported");
                others[name] = Whole(name);
            }
            return others;
        }

        public AdaptedLinear? Make(string module, string weight, StoredWeight place, Linear linear)
        {
            string name = Prefix + module + ".";
            int rows = place.FusedRows > 0 ? place.FusedRows : linear.Outputs;
            if (config.Options.Kind == AdapterKind.Ia3)
            {
                if (!file.Contains(name + Factors))
                    return null;
                bool ofInputs = Adapter.ReadsInner(weight);
                Tensor all = Take(name + Factors, ofInputs ? [1, linear.Inputs] : [rows, 1], ofInputs ? linear.Inputs : rows, 1);
                return new Ia3Linear(linear, ofInputs ? all : Part(all, place, linear.Outputs, asRow: true), ofInputs);
            }
            if (!file.Contains(name + A))
                return null;
            int rank = file.Entry(name + A).Shape is [var r, _] && r is > 0 and <= int.MaxValue ? (int)r : throw new ModelFileException(file.Path, $"the tensor {name + A} is no matrix");
            Tensor a = Take(name + A, [rank, linear.Inputs], rank, linear.Inputs), b = Take(name + B, [rows, rank], rows, rank);
            Tensor? magnitude = null;
            if (config.Options.Kind == AdapterKind.Dora)
            {
                string plain = name + Magnitude;
                magnitude = Part(Take(file.Contains(plain) ? plain : plain + ".weight", [rows], rows, 1), place, linear.Outputs, asRow: true);
            }
            return new LoraLinear(linear, a, Part(b, place, linear.Outputs, asRow: false), config.Options.Scale(rank, config.AlphaOf(module)), magnitude);
        }

        // A tensor of a checked shape, read once.
        private Tensor Take(string name, long[] shape, int rows, int columns)
        {
            if (_shared.TryGetValue(name, out Tensor? known))
                return known;
            long[] found = file.Entry(name).Shape;
            if (!found.Where(d => d != 1).SequenceEqual(shape.Where(d => d != 1)))
                throw new ModelFileException(file.Path, $"the tensor {name} is ({string.Join(", ", found)}), but the model asks for ({string.Join(", ", shape)})");
            Used.Add(name);
            return _shared[name] = Read(name, rows, columns);
        }

        private Tensor Whole(string name)
        {
            long[] shape = file.Entry(name).Shape;
            long count = shape.Aggregate(1L, (n, d) => checked(n * d));
            if (shape.Length is < 1 or > 2 || count is < 1 or > int.MaxValue)
                throw new ModelFileException(file.Path, $"the tensor {name} is ({string.Join(", ", shape)}), neither a vector nor a matrix");
            return Read(name, shape.Length == 1 ? 1 : (int)shape[0], (int)shape[^1]);
        }

        private Tensor Read(string name, int rows, int columns)
        {
            Tensor tensor = Tensor.Parameter(rows, columns);
            file.ReadSingle(name, tensor.Data);
            foreach (float x in tensor.Data)
            {
                if (!float.IsFinite(x))
                    throw new ModelFileException(file.Path, $"the tensor {name} holds a value that is not finite; the file is damaged or the training diverged");
            }
            return tensor;
        }

        // The rows of a joined matrix that are a part's own.
        private static Tensor Part(Tensor all, StoredWeight place, int outputs, bool asRow)
        {
            int columns = all.Columns;
            Tensor own = asRow ? Tensor.Parameter(1, outputs) : Tensor.Parameter(outputs, columns);
            for (int r = 0; r < outputs; r++)
                all.Data.Slice(place.Row(r) * columns, columns).CopyTo(own.Data[(r * columns)..]);
            return own;
        }
    }
}
