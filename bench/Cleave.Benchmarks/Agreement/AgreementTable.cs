using System.Diagnostics;
using System.Globalization;
using Cleave.Compression.Conversion;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Models.Sampling;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Tensors;

namespace Cleave.Benchmarks.Agreement;

/// <summary>
/// The same GGUF file in Cleave and in llama.cpp, on tokens of a real text: how far their logits are apart, and how far each is
/// from the same quantized weights in float32, which shows what the rounding of activations does.
/// </summary>
internal static class AgreementTable
{
    private const int Passage = 128; // tokens that see each other

    /// <param name="args">MODEL (a folder) TEXT (a file) [TOKENS] [PEER: a program that takes the arguments of llama_peer] [TYPE…]</param>
    public static int Run(string[] args)
    {
        if (args.Length < 2)
        {
            Console.Error.WriteLine("agreement MODEL TEXT [TOKENS] [PEER] [TYPE…]: a model's folder, a text file, how many tokens of it, llama_peer");
            return 2;
        }
        string home = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "cleave-peers");
        int tokens = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 1024;
        string peer = args.Length > 3 ? args[3] : Path.Combine(home, "llama_peer");
        IEnumerable<TypeMix> mixes = args.Length > 4 ? args[4..].Select(TypeMix.Find) : TypeMix.All;
        string text = File.ReadAllText(args[1]);
        int[][] passages = [.. ModelFolder.Load(args[0]).Tokenizer.Encode(text[..Math.Min(text.Length, tokens * 8)]).Take(tokens).Chunk(Passage)];
        Console.WriteLine($"| type | largest difference of a logit | KL(llama.cpp, Cleave) | same first choice | KL(float, Cleave) | KL(float, llama.cpp) |");
        Console.WriteLine("|---|---:|---:|---:|---:|---:|");
        string folder = Directory.CreateTempSubdirectory("cleave-agreement").FullName;
        try
        {
            foreach (TypeMix mix in mixes)
                Console.WriteLine(Row(mix, args[0], Path.Combine(folder, "model.gguf"), passages, peer, Path.Combine(home, "llama-lib")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return 0;
    }

    private static string Row(TypeMix mix, string source, string path, int[][] passages, string peer, string library)
    {
        ModelConverter.ToGguf(ModelFolder.Load(source), "model", path, new ConversionOptions { Mix = mix, Check = false, Overwrite = true }, null, CancellationToken.None);
        Transformer ours = GgufModel.Load(path), exact = GgufModel.Load(path);
        exact.ReplaceLinears((_, linear) => Dense(linear));
        int vocabulary = ours.Spec.VocabularySize, same = 0, count = 0;
        double most = 0, between = 0, oursFromExact = 0, theirsFromExact = 0;
        foreach (int[] ids in passages)
        {
            float[] a = Logits(ours, ids), b = Peer(peer, library, path, vocabulary, ids), c = Logits(exact, ids);
            for (int t = 0; t < ids.Length; t++, count++)
            {
                ReadOnlySpan<float> x = a.AsSpan(t * vocabulary, vocabulary), y = b.AsSpan(t * vocabulary, vocabulary), z = c.AsSpan(t * vocabulary, vocabulary);
                for (int v = 0; v < vocabulary; v++)
                    most = Math.Max(most, Math.Abs((double)x[v] - y[v]));
                same += TokenSampler.ArgMax(x) == TokenSampler.ArgMax(y) ? 1 : 0;
                between += Divergence(y, x);
                oursFromExact += Divergence(z, x);
                theirsFromExact += Divergence(z, y);
            }
        }
        return string.Create(CultureInfo.InvariantCulture,
            $"| {mix.Name} | {most:0.0000} | {between / count:0.0e0} | {(double)same / count:P2} | {oursFromExact / count:0.0e0} | {theirsFromExact / count:0.0e0} |");
    }

    private static DenseLinear Dense(Linear linear)
    {
        Tensor weight = Tensor.Parameter(linear.Outputs, linear.Inputs, requiresGradient: false);
        for (int r = 0; r < linear.Outputs; r++)
            linear.CopyRow(r, weight.Data.Slice(r * linear.Inputs, linear.Inputs));
        return new DenseLinear(weight, linear.Bias);
    }

    private static float[] Logits(Transformer model, int[] ids)
    {
        using var tape = new Tape(records: false);
        return model.Logits(tape, model.Forward(tape, new TokenBatch().Add(ids))).Data.ToArray();
    }

    private static float[] Peer(string peer, string library, string path, int vocabulary, int[] ids)
    {
        var start = new ProcessStartInfo(peer) { RedirectStandardOutput = true };
        foreach (string argument in (string[])[library, "logits", path, vocabulary.ToString(CultureInfo.InvariantCulture), string.Join(',', ids)])
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        float[] logits = [.. output.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Select(v => float.Parse(v, CultureInfo.InvariantCulture))];
        return process.ExitCode == 0 && logits.Length == ids.Length * vocabulary ? logits
            : throw new InvalidOperationException($"{peer} ended with {process.ExitCode} and {logits.Length} logits");
    }

    /// <summary>KL(p, q) of two rows of logits, in nats.</summary>
    private static double Divergence(ReadOnlySpan<float> p, ReadOnlySpan<float> q)
    {
        double shiftP = LogSum(p), shiftQ = LogSum(q), sum = 0;
        for (int v = 0; v < p.Length; v++)
            sum += Math.Exp(p[v] - shiftP) * (p[v] - shiftP - (q[v] - shiftQ));
        return sum;
    }

    private static double LogSum(ReadOnlySpan<float> logits)
    {
        double max = double.NegativeInfinity, sum = 0;
        foreach (float v in logits)
            max = Math.Max(max, v);
        foreach (float v in logits)
            sum += Math.Exp(v - max);
        return max + Math.Log(sum);
    }
}
