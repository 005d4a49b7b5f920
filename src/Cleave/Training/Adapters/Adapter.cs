using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Families;
using Cleave.Numerics;
using Cleave.Numerics.Quantized;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Adapters;

/// <summary>One matrix of a family's files that is adapted: alone, or as the parts that Cleave reads it as (queries, keys and values of a joined one).</summary>
/// <param name="Name">As the family's files call it, without ".weight".</param>
/// <param name="Alpha">α of this matrix.</param>
/// <param name="Parts">The parts that are adapted.</param>
internal sealed record AdaptedModule(string Name, double Alpha, List<AdaptedPart> Parts);

/// <summary>A part of an adapted matrix.</summary>
/// <param name="Weight">Its name in <see cref="WeightNames"/>.</param>
internal sealed record AdaptedPart(string Weight, StoredWeight Place, AdaptedLinear Linear);

/// <summary>
/// An adapter on a transformer: small trained matrices beside frozen ones of any type. The transformer computes with it as soon as it is
/// attached.
/// </summary>
public sealed class Adapter
{
    /// <summary>What the names of trained tensors begin with, before that of the matrix.</summary>
    internal const string ParameterPrefix = "adapter.";

    private readonly Transformer _transformer;
    private readonly Dictionary<string, AdaptedModule> _modules = new(StringComparer.Ordinal);

    private Adapter(Transformer transformer, AdapterOptions options) => (_transformer, Options) = (transformer, options);

    public AdapterOptions Options { get; }

    /// <summary>Tensors of an adapter file that belong to no matrix of the layers, such as a head; by their names there.</summary>
    public IReadOnlyDictionary<string, Tensor> Others { get; private init; } = new Dictionary<string, Tensor>();

    internal IReadOnlyCollection<AdaptedModule> Modules => _modules.Values;

    /// <summary>
    /// Freezes the transformer and puts a new adapter on it that changes nothing yet: A uniform as a linear layer's weights (He et al., 2015), B zero; magnitudes
    /// the norms of rows; factors 1.
    /// </summary>
    /// <param name="readerOnly">Whether only the stack that judges texts is adapted (<see cref="Transformer.Reader"/>): of an encoder–decoder its encoder.</param>
    /// <exception cref="CleaveException">No matrix has one of the names.</exception>
    public static Adapter Attach(Transformer transformer, AdapterOptions options, Rng rng, bool readerOnly = false)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(rng);
        if (options.Rank < 1)
            throw new ArgumentException("an adapter has a rank of at least 1", nameof(options));
        var adapter = new Adapter(transformer, options);
        var firsts = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        bool encoderOnly = readerOnly && transformer.Encoder is not null;
        HashSet<string> used = adapter.Install(weight => !encoderOnly || WeightNames.IsOfEncoder(weight), (module, weight, linear) =>
        {
            if (options.Kind == AdapterKind.Ia3)
                return new Ia3Linear(linear, Ones(ReadsInner(weight) ? linear.Inputs : linear.Outputs), ReadsInner(weight));
            if (!firsts.TryGetValue(module, out Tensor? a))
            {
                firsts[module] = a = Tensor.Parameter(options.Rank, linear.Inputs);
                double bound = 1 / Math.Sqrt(linear.Inputs);
                foreach (ref float x in a.Data)
                    x = (float)((2 * rng.NextDouble() - 1) * bound);
            }
            return new LoraLinear(linear, a, Tensor.Parameter(linear.Outputs, options.Rank), options.Scale(options.Rank, options.Alpha),
                options.Kind == AdapterKind.Dora ? LoraLinear.RowNorms(linear) : null);
        }, _ => options.Alpha);
        string? unused = options.Chosen.FirstOrDefault(t => !used.Contains(t));
        if (unused is not null)
        {
            string known = string.Join(", ", LeafNames(transformer));
            adapter.Detach();
            throw new CleaveException($"no matrix of the model's layers is called '{unused}'; there are {known}, and {AdapterOptions.AllLinear}");
        }
        return adapter;
    }

    /// <summary>An adapter whose parts are made by <paramref name="make"/> for every matrix that has one; the transformer is frozen.</summary>
    internal static Adapter Restore(Transformer transformer, AdapterOptions options, Func<string, string, StoredWeight, Linear, AdaptedLinear?> make, Func<string, double> alpha,
        IReadOnlyDictionary<string, Tensor> others)
    {
        var adapter = new Adapter(transformer, options) { Others = others };
        try
        {
            adapter.InstallPlaced(make, alpha);
            return adapter;
        }
        catch
        {
            adapter.Detach();
            throw;
        }
    }

    /// <summary>Everything that is trained, by unique names.</summary>
    public IReadOnlyList<(string Name, Tensor Tensor)> Parameters
    {
        get
        {
            var seen = new HashSet<Tensor>(ReferenceEqualityComparer.Instance);
            return [.. Modules.SelectMany(m => m.Parts).SelectMany(p => p.Linear.Parameters.Select(t => (ParameterPrefix + $"{p.Weight}.{t.Name}", t.Tensor))).Where(t => seen.Add(t.Tensor))];
        }
    }

    /// <summary>
    /// Names that PEFT finds the adapted matrices by, and no others: the last part of a module's name, or as many of its last as no matrix
    /// without an adapter shares.
    /// </summary>
    internal IReadOnlyList<string> TargetNames()
    {
        Family family = Family.Of(_transformer.Spec);
        List<string> plain = [.. _transformer.Weights().Where(w => w.Weight is Linear and not AdaptedLinear && WeightNames.IsOfLayer(w.Name))
            .Select(w => Module(family.Place(_transformer.Spec, w.Name).Name)).Where(n => !_modules.ContainsKey(n))];
        // What (IA)³ scales the inputs of is named apart from what it scales the outputs of.
        plain.AddRange(_modules.Values.GroupBy(m => Leaf(m.Name)).Where(g => g.Select(m => m.Parts[0].Linear is Ia3Linear { OfInputs: true }).Distinct().Count() > 1).Select(g => g.Key));
        HashSet<string> endings = [.. plain.SelectMany(Endings)];
        return [.. _modules.Keys.Select(n => Endings(n).First(e => !endings.Contains(e))).Distinct()];
    }

    // Of a module's name, from the last part to the whole.
    private static IEnumerable<string> Endings(string module)
    {
        string[] parts = module.Split('.');
        return Enumerable.Range(1, parts.Length).Select(count => string.Join('.', parts[^count..]));
    }

    /// <summary>Drops a share of what LoRA's adapters read while <paramref name="noise"/> is active.</summary>
    public void Use(TrainingNoise? noise)
    {
        int index = _transformer.Layers.Count;
        foreach (AdaptedPart part in Modules.SelectMany(m => m.Parts))
        {
            if (part.Linear is LoraLinear lora)
                lora.Noise = noise is null ? null : (noise, index++);
        }
    }

    /// <summary>Takes the adapter off: the transformer computes as before.</summary>
    public void Detach() => _transformer.ReplaceLinears((_, linear) => linear is AdaptedLinear adapted ? adapted.Original : linear);

    /// <summary>
    /// Makes the adapted matrices ordinary ones: quantized again where they were quantized, else float32. What rounding costs has to be measured
    /// (<see cref="MergeCheck"/>).
    /// </summary>
    public void Merge() => _transformer.ReplaceLinears((_, linear) =>
    {
        if (linear is not AdaptedLinear adapted)
            return linear;
        DenseLinear merged = adapted.Merged();
        return adapted.Original is QuantizedLinear { Weight.Format: var format }
            ? new QuantizedLinear(QuantizedMatrix.Quantize(format, merged.Weight.Data, merged.Outputs, merged.Inputs), merged.Bias) : merged;
    });

    private HashSet<string> Install(Func<string, bool> takes, Func<string, string, Linear, AdaptedLinear> make, Func<string, double> alpha)
    {
        var used = new HashSet<string>(StringComparer.Ordinal);
        InstallPlaced((module, weight, _, linear) =>
        {
            if (!takes(weight))
                return null;
            string? target = Options.Chosen.FirstOrDefault(t => t == AdapterOptions.AllLinear || Leaf(Module(weight)) == t || Leaf(module) == t);
            if (target is null)
                return null;
            used.Add(target);
            return make(module, weight, linear);
        }, alpha);
        return used;
    }

    private void InstallPlaced(Func<string, string, StoredWeight, Linear, AdaptedLinear?> make, Func<string, double> alpha)
    {
        Freeze(_transformer);
        Family family = Family.Of(_transformer.Spec);
        _transformer.ReplaceLinears((weight, linear) =>
        {
            if (!WeightNames.IsOfLayer(weight))
                return linear;
            if (linear is AdaptedLinear)
                throw new InvalidOperationException("the transformer has an adapter already; merge or detach it first");
            StoredWeight place = family.Place(_transformer.Spec, weight);
            string name = Module(place.Name);
            if (make(name, weight, place, linear) is not { } adapted)
                return linear;
            if (!_modules.TryGetValue(name, out AdaptedModule? module))
                _modules[name] = module = new AdaptedModule(name, alpha(name), []);
            module.Parts.Add(new AdaptedPart(weight, place, adapted));
            return adapted;
        });
    }

    /// <summary>Leaves every weight of a transformer as it is from here on.</summary>
    public static void Freeze(Transformer transformer)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        foreach ((_, Tensor tensor) in transformer.Parameters())
            tensor.Freeze();
    }

    /// <summary>Whether a matrix reads the inner neurons of a feed-forward network: (IA)³ scales its inputs.</summary>
    internal static bool ReadsInner(string weight) => weight.EndsWith(WeightNames.DownPart, StringComparison.Ordinal);

    internal static string Module(string weight) => weight.EndsWith(".weight", StringComparison.Ordinal) ? weight[..^".weight".Length] : weight;

    internal static string Leaf(string module) => module[(module.LastIndexOf('.') + 1)..];

    private static IEnumerable<string> LeafNames(Transformer transformer) => transformer.Weights()
        .Where(w => w.Weight is Linear && WeightNames.IsOfLayer(w.Name)).Select(w => Leaf(Module(w.Name))).Distinct();

    private static Tensor Ones(int length)
    {
        Tensor ones = Tensor.Parameter(1, length);
        ones.Data.Fill(1);
        return ones;
    }
}
