using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;

namespace Cleave.Compression.Calibration;

/// <summary>What is known of the matrices of one layer, by their names.</summary>
/// <param name="Layer">Its index; the number of layers for the projection to the vocabulary.</param>
public sealed record LayerStatistics(int Layer, IReadOnlyDictionary<string, InputStatistics> Inputs);

/// <summary>
/// Takes a calibration text through a model one layer at a time: a layer's matrices are watched, may then be changed, and
/// what follows sees what the changed layer makes of the text, as GPTQ and SparseGPT do it. Statistics of one layer, the
/// activations between two layers and a batch's own are all that is held.
/// </summary>
public sealed class LayerStream(Transformer model, CalibrationText text)
{
    private const int TokensPerBatch = 1024;

    /// <param name="products">Whether the products of inputs are needed: see <see cref="InputStatistics"/>.</param>
    /// <param name="change">Called for each layer in turn, and at last for the projection to the vocabulary; returns whether it changed the layer.</param>
    public void Run(bool products, Func<LayerStatistics, bool> change, string stage, IProgress<ProgressReport>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(change);
        if (text.Causal)
            model.RequireContinuation();
        if (model.Encoder is not null)
            throw new CleaveException($"calibration reads what a decoder continues; a {model.Spec.Family} model is an encoder and a decoder");
        long inputs = model.Spec.Width + (products ? model.Weights().Select(w => w.Weight).OfType<Linear>().Max(l => (long)l.Inputs * l.Inputs) : 0);
        MemoryPlan.Require(2L * text.Tokens.Length * model.Spec.Width * sizeof(float) + 4 * inputs * sizeof(float), $"calibration on {text.Tokens.Length} tokens", "lower --calibration-tokens");
        TokenBatch[] batches = [.. Batches()];
        using var tape = new Tape(records: false);
        float[][] x = [.. batches.Select(b => Computed(tape, model.Embed(tape, b)))];
        float[][] y = [.. x.Select(a => new float[a.Length])];
        int layers = model.Layers.Count;
        for (int i = 0; i < layers; i++)
        {
            Layer layer = model.Layers[i];
            LayerStatistics statistics = Watch(i, products, replace => layer.ReplaceLinears(i, replace), () => Forward(tape, layer, i, batches, x, y, cancel));
            if (change(statistics))
                Forward(tape, layer, i, batches, x, y, cancel);
            (x, y) = (y, x);
            progress?.Report(new ProgressReport(stage, i + 1, layers + 1, "layers"));
        }
        change(OfOutput(tape, x, products));
        progress?.Report(new ProgressReport(stage, layers + 1, layers + 1, "layers"));
    }

    /// <summary>The matrices that see what <paramref name="name"/> sees have this in common.</summary>
    internal static string InputOf(string name) => name
        .Replace(".k_proj.", ".q_proj.", StringComparison.Ordinal).Replace(".v_proj.", ".q_proj.", StringComparison.Ordinal)
        .Replace(".up_proj.", ".gate_proj.", StringComparison.Ordinal);

    private static LayerStatistics Watch(int index, bool products, Action<Func<string, Linear, Linear>> replace, Action run)
    {
        var byInput = new Dictionary<string, InputStatistics>(StringComparer.Ordinal);
        var byName = new Dictionary<string, InputStatistics>(StringComparer.Ordinal);
        replace((name, linear) =>
        {
            bool first = !byInput.TryGetValue(InputOf(name), out InputStatistics? statistics);
            if (first)
                byInput[InputOf(name)] = statistics = new InputStatistics(linear.Inputs, products);
            byName[name] = statistics!;
            return first ? new ObservedLinear(linear, statistics!) : linear;
        });
        try
        {
            run();
        }
        finally
        {
            replace((_, linear) => linear is ObservedLinear observed ? observed.Inner : linear);
        }
        return new LayerStatistics(index, byName);
    }

    private LayerStatistics OfOutput(Tape tape, float[][] x, bool products)
    {
        var statistics = new InputStatistics(model.Spec.Width, products);
        foreach (float[] batch in x)
        {
            statistics.Add(model.FinalNorm!.Forward(tape, tape.Copy(batch, batch.Length / model.Spec.Width, model.Spec.Width)));
            tape.Reset();
        }
        string name = model.UntiedOutput is null ? WeightNames.Embedding : WeightNames.Output;
        return new LayerStatistics(model.Layers.Count, new Dictionary<string, InputStatistics>(StringComparer.Ordinal) { [name] = statistics });
    }

    private void Forward(Tape tape, Layer layer, int index, TokenBatch[] batches, float[][] x, float[][] y, CancellationToken cancel)
    {
        for (int b = 0; b < batches.Length; b++)
        {
            cancel.ThrowIfCancellationRequested();
            int rows = batches[b].Tokens;
            Tensor output = layer.Forward(tape, tape.Copy(x[b], rows, x[b].Length / rows), new ForwardContext(batches[b], text.Causal, null, null), index);
            output.Data.CopyTo(y[b]);
            tape.Reset();
        }
    }

    private static float[] Computed(Tape tape, Tensor x)
    {
        float[] copy = x.Data.ToArray();
        tape.Reset();
        return copy;
    }

    private IEnumerable<TokenBatch> Batches()
    {
        foreach (int[][] windows in text.Windows.Chunk(Math.Max(1, TokensPerBatch / text.Context)))
        {
            var batch = new TokenBatch();
            foreach (int[] window in windows)
                batch.Add(window);
            yield return batch;
        }
    }
}
