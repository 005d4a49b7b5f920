using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Adapters;

/// <summary>The rows of a pass that belong to one adapter.</summary>
internal sealed record AdapterRows(int Adapter, List<int> Rows);

/// <summary>
/// Several adapters on one frozen transformer, of which each sequence of a batch uses one or none: the base's matrices multiply the rows of all in
/// one pass (Chen et al., 2023, "Punica"; Sheng et al., 2023, "S-LoRA"). For inference; several threads may pass at a time, each with its own batch.
/// </summary>
public sealed class AdapterBank
{
    /// <summary>In place of an adapter: the transformer as it is.</summary>
    public const int None = -1;

    [ThreadStatic]
    private static List<AdapterRows>? _owners;

    private readonly Transformer _transformer;

    private AdapterBank(Transformer transformer, IReadOnlyList<string> names) => (_transformer, Names) = (transformer, names);

    /// <summary>The adapters, each at its number.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Bytes that the adapters add to the transformer's.</summary>
    public long Bytes { get; private init; }

    /// <summary>The rows of this thread's pass, those of no adapter left out.</summary>
    internal static List<AdapterRows> Owners => _owners ??= [];

    /// <summary>Reads adapters as PEFT keeps them and puts them on a transformer, which is frozen.</summary>
    /// <param name="adapters">Names and folders.</param>
    /// <exception cref="ModelFileException">One is missing, damaged, of another model, or has a head of its own.</exception>
    public static AdapterBank Load(Transformer transformer, IReadOnlyList<(string Name, string Folder)> adapters)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        ArgumentNullException.ThrowIfNull(adapters);
        var parts = new Dictionary<string, AdaptedLinear?[]>(StringComparer.Ordinal);
        for (int i = 0; i < adapters.Count; i++)
        {
            Adapter adapter = AdapterFolder.Load(adapters[i].Folder, transformer);
            adapter.Detach();
            if (adapter.Others.Count > 0)
                throw new ModelFileException(adapters[i].Folder, $"the adapter has a part of its own ({adapter.Others.Keys.First()}), which writes no text; merge it into a module of its own ('cleave train --merge')");
            foreach (AdaptedPart part in adapter.Modules.SelectMany(m => m.Parts))
            {
                if (!parts.TryGetValue(part.Weight, out AdaptedLinear?[]? all))
                    parts[part.Weight] = all = new AdaptedLinear?[adapters.Count];
                all[i] = part.Linear;
            }
        }
        var bank = new AdapterBank(transformer, [.. adapters.Select(a => a.Name)]) { Bytes = parts.Values.SelectMany(p => p).Sum(p => p is null ? 0 : p.Bytes - p.Original.Bytes) };
        transformer.ReplaceLinears((name, linear) => parts.TryGetValue(name, out AdaptedLinear?[]? own) ? new BankedLinear(linear, own) : linear);
        return bank;
    }

    /// <summary>As <see cref="Transformer.Forward"/>, each sequence with its adapter.</summary>
    /// <param name="adapters">Of each sequence of the batch: a number, or <see cref="None"/>.</param>
    public Tensor Forward(Tape tape, TokenBatch batch, IReadOnlyList<int> adapters, IReadOnlyList<KeyValuePages>? caches = null)
    {
        try
        {
            Own(batch, adapters);
            return _transformer.Forward(tape, batch, caches: caches);
        }
        finally
        {
            Owners.Clear();
        }
    }

    /// <summary>As <see cref="Transformer.Begin"/>, each source with its adapter.</summary>
    /// <param name="adapters">Of each sequence of the batch: a number, or <see cref="None"/>.</param>
    public KeyValuePages[] Begin(Tape tape, TokenBatch source, IReadOnlyList<int> adapters)
    {
        try
        {
            Own(source, adapters);
            return _transformer.Begin(tape, source);
        }
        finally
        {
            Owners.Clear();
        }
    }

    private void Own(TokenBatch batch, IReadOnlyList<int> adapters)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(adapters);
        if (adapters.Count != batch.Count)
            throw new ArgumentException($"{adapters.Count} adapters for {batch.Count} sequences", nameof(adapters));
        List<AdapterRows> owners = Owners;
        ReadOnlySpan<int> offsets = batch.Offsets.Span;
        for (int s = 0; s < adapters.Count; s++)
            Own(owners, adapters[s], offsets[s], offsets[s + 1]);
    }

    private void Own(List<AdapterRows> owners, int adapter, int first, int end)
    {
        if (adapter == None)
            return;
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)adapter, (uint)Names.Count, nameof(adapter));
        int at = owners.FindIndex(o => o.Adapter == adapter);
        if (at < 0)
        {
            at = owners.Count;
            owners.Add(new AdapterRows(adapter, []));
        }
        for (int row = first; row < end; row++)
            owners[at].Rows.Add(row);
    }
}
