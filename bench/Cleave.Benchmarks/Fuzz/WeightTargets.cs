using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Cleave.Compression.Conversion;
using Cleave.Formats.Gguf;
using Cleave.Formats.Safetensors;
using Cleave.Models;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;

namespace Cleave.Benchmarks.Fuzz;

/// <summary>Safetensors in two files with an index; every tensor of floats is read.</summary>
public sealed class SafetensorsTarget : FuzzTarget
{
    private const string First = "model-00001-of-00002.safetensors", Second = "model-00002-of-00002.safetensors";

    private static readonly TensorToWrite[] A =
        [TensorToWrite.From("a", SafetensorsDType.F32, [2, 3], new float[6]), TensorToWrite.From("b", SafetensorsDType.BF16, [4], new float[4]), TensorToWrite.From("q", [2, 2], new sbyte[4])];

    private static readonly TensorToWrite[] B = [TensorToWrite.From("c", SafetensorsDType.F16, [2, 2], new float[4]), TensorToWrite.From("d", SafetensorsDType.F32, [], new float[1])];

    private readonly JsonObject _index = new()
    {
        ["metadata"] = new JsonObject { ["total_size"] = 60 },
        ["weight_map"] = new JsonObject { ["a"] = First, ["b"] = First, ["q"] = First, ["c"] = Second, ["d"] = Second },
    };

    private readonly byte[] _first = Bytes(A), _second = Bytes(B);

    public override string Name => "safetensors";

    public override IEnumerable<FuzzFile[]> Goods() => [[new("model.safetensors.index.json", Encoding.UTF8.GetBytes(_index.ToJsonString())), new(First, _first), new(Second, _second)]];

    public override FuzzFile[] Next(Rng random)
    {
        FuzzFile[] files = Goods().First();
        int which = random.NextInt(4);
        if (which == 0)
            files[0] = files[0] with { Bytes = PathOf(random) is { } path ? path : JsonDamage.Next(random, _index) };
        else
            files[which == 3 ? 2 : 1] = files[which == 3 ? 2 : 1] with { Bytes = Shard(which == 3 ? _second : _first, random) };
        return files;
    }

    public override void Use(string folder)
    {
        using SafetensorsSet set = SafetensorsSet.Open(folder);
        foreach (string name in set.Names)
        {
            SafetensorsEntry entry = set.Entry(name);
            if (entry.DType is SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16 or SafetensorsDType.F64)
                set.ReadSingle(name, new float[entry.Elements]);
            else
                _ = set.Bytes(name).Length;
        }
    }

    private static byte[] Shard(byte[] good, Rng random)
    {
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(good);
        if (random.NextInt(3) == 0)
            return Damage.Bytes((byte[])good.Clone(), random, 8 + length);
        byte[] header = JsonDamage.Next(random, JsonNode.Parse(good.AsSpan(8, length))!);
        var size = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(size, random.NextInt(10) == 0 ? Damage.Numbers[random.NextInt(Damage.Numbers.Length)] : header.Length);
        return [.. size, .. header, .. good[(8 + length)..]];
    }

    /// <summary>An index that points out of its folder, or at itself.</summary>
    private static byte[]? PathOf(Rng random) => random.NextInt(4) > 0 ? null : Encoding.UTF8.GetBytes(
        $"{{\"weight_map\":{{\"a\":\"{new[] { "../" + First, "/etc/passwd", ".", "..", "", "model.safetensors.index.json", "a\\\\b", "./" + First, "C:" + First, First + "/.." }[random.NextInt(10)]}\"}}}}");

    private static byte[] Bytes(TensorToWrite[] tensors)
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, tensors, SafetensorsWriter.TransformersMetadata);
        return stream.ToArray();
    }
}

/// <summary>llama2.c's weights: seven numbers and floats; loaded and run.</summary>
public sealed class Llama2cTarget : FuzzTarget
{
    private readonly byte[] _good = Write([8, 16, 2, 2, 1, 20, 8]);

    public override string Name => "llama2c-weights";

    public override IEnumerable<FuzzFile[]> Goods() => [[new("case.bin", _good)]];

    public override FuzzFile[] Next(Rng random)
    {
        if (random.NextInt(2) == 0)
            return [new("case.bin", Damage.Bytes((byte[])_good.Clone(), random, 28))];
        // Other shapes with as many floats as they call for, or nearly.
        int[] numbers = [8, 16, 2, 2, 1, 20, 8];
        for (int i = random.NextInt(3); i >= 0; i--)
            numbers[random.NextInt(7)] = random.NextInt(8) == 0 ? (int)Damage.Numbers[random.NextInt(Damage.Numbers.Length)] : random.NextInt(40) - 4;
        byte[] bytes = Write(numbers);
        return [new("case.bin", random.NextInt(3) == 0 ? Damage.Bytes(bytes, random, 28) : bytes)];
    }

    public override void Use(string folder)
    {
        Transformer model = Llama2cModel.Load(Path.Combine(folder, "case.bin"));
        using var tape = new Tape(records: false);
        model.Output.Forward(tape, model.Forward(tape, new TokenBatch().Add([0])));
    }

    private static byte[] Write(int[] n)
    {
        long c = n[0], f = n[1], l = n[2], v = Math.Abs((long)n[5]), kv = n[3] == 0 ? 0 : c / n[3] * n[4], head = n[3] == 0 ? 0 : c / n[3];
        double floats = (double)v * c + l * (2.0 * c + 2.0 * c * c + 2.0 * kv * c + 3.0 * f * c) + c + (double)n[6] * head + (n[5] > 0 ? 0 : (double)v * c);
        var bytes = new byte[28 + 4 * (int)Math.Clamp(floats, 0, 20_000)];
        for (int i = 0; i < 7; i++)
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4 * i), n[i]);
        bytes.AsSpan(28).Fill(0x3C);
        return bytes;
    }
}

/// <summary>Importance matrices, in the older form and in GGUF.</summary>
public sealed class ImportanceTarget : FuzzTarget
{
    private readonly byte[] _old = WriteOld(), _new = WriteNew();

    public override string Name => "imatrix";

    public override IEnumerable<FuzzFile[]> Goods() => [[new("case.imatrix", _new)]];

    public override FuzzFile[] Next(Rng random)
    {
        byte[] bytes = (byte[])(random.NextInt(2) == 0 ? _old : _new).Clone();
        for (int i = random.NextInt(3); i >= 0; i--)
            bytes = Damage.Bytes(bytes, random);
        return [new("case.imatrix", bytes)];
    }

    public override void Use(string folder) => ImportanceMatrix.Load(Path.Combine(folder, "case.imatrix")).For("blk.0.attn_q.weight", 6);

    private static byte[] WriteOld()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(2);
        foreach (string name in (string[])["blk.0.attn_q.weight", "output.weight"])
        {
            writer.Write(name.Length);
            writer.Write(Encoding.UTF8.GetBytes(name));
            writer.Write(3);
            writer.Write(6);
            writer.Write(MemoryMarshal.AsBytes<float>([1, 2, 3, 4, 5, 6]));
        }
        return stream.ToArray();
    }

    private static byte[] WriteNew()
    {
        using var stream = new MemoryStream();
        GgufWriter.Write(stream, [new("general.type", "imatrix"), GgufKey.List("imatrix.datasets", ["x"]), new("imatrix.chunk_count", 1)],
        [
            new("blk.0.attn_q.weight.in_sum2", GgufTensorType.F32, [6], s => s.Write(MemoryMarshal.AsBytes<float>([1, 2, 3, 4, 5, 6]))),
            new("blk.0.attn_q.weight.counts", GgufTensorType.F32, [1], s => s.Write(MemoryMarshal.AsBytes<float>([4]))),
        ]);
        return stream.ToArray();
    }
}
