using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Compression.Quantization;
using Cleave.Formats.Safetensors;
using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;
using Cleave.Numerics.Threading;

namespace Cleave.Tests.Models;

/// <summary>What holds for decoders, encoders and encoder–decoders alike.</summary>
internal static class ModelChecks
{
    private static readonly ThreadTeam Single = new(1);

    /// <summary>
    /// Gradients beside PyTorch's: saved as if they were the weights, they come out in the names and shapes of the files. Of each
    /// there are the sum, the norm, the sum weighed by position, and the first numbers.
    /// </summary>
    /// <param name="rounded">Activations were kept in sixteen bits: sums of many roundings say nothing.</param>
    /// <param name="stored">What a file has for a gradient, by its name, where that is not the gradient itself.</param>
    public static void Gradients(JsonElement expected, IEnumerable<Tensor> tensors, string folder, Action save, bool rounded = false, Func<string, float, float>? stored = null)
    {
        foreach (Tensor tensor in tensors)
            tensor.Gradient.CopyTo(tensor.Data);
        save();
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, ModelFolder.Weights));
        JsonElement sums = expected.GetProperty("gradients"), firsts = expected.GetProperty("first");
        Assert.Equal(sums.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal), file.Names.Order(StringComparer.Ordinal));
        foreach (JsonProperty each in sums.EnumerateObject())
        {
            double[] gradient = [.. Floats(file, each.Name).Select(g => (double)(stored?.Invoke(each.Name, g) ?? g))];
            double[] sum = FamilyCases.Numbers(each.Value), first = FamilyCases.Numbers(firsts.GetProperty(each.Name));
            double tolerance = (rounded ? 0.02 : 1e-4) * Math.Max(1, sum[1]);
            Assert.Equal(sum[1], Math.Sqrt(gradient.Sum(g => g * g)), tolerance);
            FamilyCases.Close(first, [.. gradient.Take(first.Length).Select(g => (float)g)], rounded ? tolerance : 1e-4, each.Name);
            if (rounded)
                continue;
            Assert.Equal(sum[0], gradient.Sum(), tolerance);
            Assert.Equal(sum[2], gradient.Select((g, i) => g * (i % 7)).Sum(), 7 * tolerance);
        }
    }

    /// <summary>Two folders hold the same tensors, to the bit unless a tolerance is given.</summary>
    public static void SameTensors(string expected, string actual, double tolerance = 0)
    {
        using SafetensorsFile original = SafetensorsFile.Open(Path.Combine(expected, ModelFolder.Weights)), written = SafetensorsFile.Open(Path.Combine(actual, ModelFolder.Weights));
        Assert.Equal(original.Names.Order(StringComparer.Ordinal), written.Names.Order(StringComparer.Ordinal));
        foreach (string name in original.Names)
        {
            Assert.Equal(original.Entry(name).Shape, written.Entry(name).Shape);
            if (tolerance == 0)
                Assert.True(original.Bytes(name).SequenceEqual(written.Bytes(name)), name);
            else
                FamilyCases.Close(Floats(original, name).Select(x => (double)x), Floats(written, name), tolerance, name);
        }
    }

    /// <summary>Two folders' configs say the same under some keys.</summary>
    public static void SameConfig(string expected, string actual, params IEnumerable<string> keys)
    {
        JsonNode before = Config(expected), after = Config(actual);
        Assert.All(keys, key => Assert.True(JsonNode.DeepEquals(before[key], after[key]), $"{key}: {after[key]} for {before[key]}"));
    }

    public static JsonNode Config(string folder) => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, ModelFolder.Config)))!;

    /// <summary>Two models are of one shape and compute the same to the bit.</summary>
    public static void Same(Transformer a, Transformer b, Func<Transformer, float[]> outputs)
    {
        Assert.Equal(outputs(a), outputs(b));
        Assert.Equal(a.Spec.Layers, b.Spec.Layers);
        Assert.Equal(a.Spec.Encoder?.Layers, b.Spec.Encoder?.Layers);
        Assert.Equal(a.Spec.Parameters, b.Spec.Parameters);
    }

    /// <summary>How far outputs are from others, all together, as a part of these.</summary>
    public static double Error(float[] exact, float[] other) =>
        Math.Sqrt(exact.Zip(other, (a, b) => (double)(a - b) * (a - b)).Sum() / exact.Sum(a => (double)a * a));

    /// <summary>Tokens read in stretches, behind what a cache holds, give what all of them give at once, within float16.</summary>
    public static void CacheChangesNothing(Transformer model, float[] expected, ReadOnlySpan<int> read, KeyValuePages cache, params int[] counts)
    {
        using var tape = new Tape(records: false);
        int done = 0, v = model.Spec.VocabularySize;
        foreach (int count in counts)
        {
            float[] part = model.Logits(tape, model.Forward(tape, new TokenBatch().Add(read.Slice(done, count), done), caches: [cache])).Data.ToArray();
            FamilyCases.Close(expected[(done * v)..((done + count) * v)].Select(x => (double)x), part, 1e-2, $"logits from {done}");
            tape.Reset();
            done += count;
        }
        Assert.Equal((read.Length, read.Length), (done, cache.Length));
    }

    /// <summary>A token of a quantized model takes no managed memory once some have been decoded.</summary>
    public static void TokensAllocateNothing(Transformer model, Func<Tape, TokenBatch, KeyValuePages[]> begin)
    {
        RoundToNearest.Quantize(model);
        using ThreadTeam.Scope one = ThreadTeam.Use(Single);
        using var tape = new Tape(records: false);
        var batch = new TokenBatch();
        KeyValuePages[] caches = begin(tape, batch);
        var sampler = new TokenSampler(new SamplingOptions { Temperature = 0.8, TopP = 0.9, Seed = 1 });
        long before = 0;
        Span<int> next = [5];
        for (int step = 0; step < 60; step++) // within a page: a new page is memory of its own
        {
            if (step == 40)
                before = GC.GetAllocatedBytesForCurrentThread();
            next[0] = sampler.Next(model.Read(tape, batch, next, caches).Data).Token;
            tape.Reset();
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        caches[0].Dispose();
    }

    private static float[] Floats(SafetensorsFile file, string name)
    {
        var values = new float[file.Entry(name).Elements];
        file.ReadSingle(name, values);
        return values;
    }
}
