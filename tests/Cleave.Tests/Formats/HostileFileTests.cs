using System.Text;
using System.Text.Json.Nodes;
using Cleave.Formats.Safetensors;
using Cleave.Numerics;
using Cleave.Tests.Tokenizers;
using Cleave.Tokenizers;

namespace Cleave.Tests.Formats;

/// <summary>Thousands of small damages to good files: each is read, or refused as a model file, and nothing else happens.</summary>
public class HostileFileTests
{
    private const string Marks = "{}[]\",:\\0-9e\u007f";

    [Fact]
    public void Safetensors_with_damaged_bytes()
    {
        byte[] good = SmallSafetensors();
        var random = new Rng(21);
        int refused = Enumerable.Range(0, 3000).Count(_ => !ReadsSafetensors(DamageBytes(good, random)));
        Assert.InRange(refused, 1000, 3000);
    }

    [Fact]
    public void Safetensors_with_a_damaged_header()
    {
        byte[] good = SmallSafetensors();
        int headerBytes = (int)BitConverter.ToInt64(good);
        var random = new Rng(22);
        int refused = 0;
        for (int round = 0; round < 3000; round++)
        {
            JsonNode header = JsonNode.Parse(good.AsSpan(8, headerBytes))!;
            byte[] changed = Encoding.UTF8.GetBytes(DamageTree(header, random));
            if (!ReadsSafetensors([.. BitConverter.GetBytes((long)changed.Length), .. changed, .. good[(8 + headerBytes)..]]))
                refused++;
        }
        Assert.InRange(refused, 1000, 3000);
    }

    [Fact]
    public void Broken_bytes_in_a_text_of_JSON_are_found_before_anybody_reads_it()
    {
        byte[] json = [.. "{\"a\":\"é"u8, 0xC3, .. "\"}"u8];
        Assert.Equal(8, Assert.Throws<ModelFileException>(() => Cleave.Json.JsonCursor.Parse(json, "x.json")).Offset);
    }

    [Fact]
    public void Messages_that_quote_a_file_stay_one_line()
    {
        Assert.Equal("a b: c  d e (at byte 3)", new ModelFileException("a\nb", "c\r\nd\u2028e", 3).Message);
        Assert.Equal("p: 2 problems\n  x y\n  z", new ProjectException("p", ["x\ny", "z"]).Message);
    }

    [Fact]
    public void A_tokenizer_with_damaged_bytes()
    {
        byte[] good = Encoding.UTF8.GetBytes(SmallTokenizer.Json().ToJsonString());
        var random = new Rng(23);
        int refused = Enumerable.Range(0, 1000).Count(_ => !ReadsTokenizer(DamageBytes(good, random)));
        Assert.InRange(refused, 300, 1000);
    }

    [Fact]
    public void A_tokenizer_with_damaged_values()
    {
        JsonObject good = SmallTokenizer.Json();
        var random = new Rng(24);
        int refused = Enumerable.Range(0, 1000).Count(_ => !ReadsTokenizer(Encoding.UTF8.GetBytes(DamageTree(good.DeepClone(), random))));
        Assert.InRange(refused, 300, 1000);
    }

    private static bool ReadsSafetensors(byte[] bytes)
    {
        try
        {
            int length = SafetensorsHeader.ReadLength(bytes.AsSpan(0, Math.Min(8, bytes.Length)), bytes.Length, "m");
            (List<SafetensorsEntry> entries, _) = SafetensorsHeader.Parse(bytes.AsSpan(8, length), bytes.Length, "m");
            foreach (SafetensorsEntry entry in entries)
                Assert.Equal(entry.Elements * entry.DType.Bytes(), bytes.AsSpan((int)entry.FileOffset, (int)entry.ByteCount).Length);
            return true;
        }
        catch (ModelFileException e)
        {
            Assert.DoesNotContain('\n', e.Message);
            return false;
        }
    }

    private static bool ReadsTokenizer(byte[] bytes)
    {
        try
        {
            Tokenizer tokenizer = Tokenizer.Load(bytes, "t.json");
            // A change may be a tokenizer too, with other tokens; it encodes and decodes all the same.
            Assert.NotNull(tokenizer.Decode(tokenizer.Encode("the cat é")));
            return true;
        }
        catch (ModelFileException e)
        {
            Assert.DoesNotContain('\n', e.Message);
            return false;
        }
    }

    private static byte[] SmallSafetensors()
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream,
            [
                TensorToWrite.From("model.embed.weight", SafetensorsDType.BF16, [4, 3], new float[12]),
                TensorToWrite.From("model.norm.weight", SafetensorsDType.F32, [3], new float[3]),
                TensorToWrite.From("q", [2, 2], new sbyte[4]),
                TensorToWrite.From("s", SafetensorsDType.F16, [], new float[1]),
            ],
            SafetensorsWriter.TransformersMetadata);
        return stream.ToArray();
    }

    /// <summary>Flips, overwrites, inserts, deletes or repeats a few bytes, or cuts the end off.</summary>
    private static byte[] DamageBytes(byte[] good, Rng random)
    {
        List<byte> bytes = [.. good];
        for (int i = random.NextInt(3); i >= 0 && bytes.Count > 0; i--)
        {
            int at = random.NextInt(bytes.Count), count = Math.Min(1 + random.NextInt(8), bytes.Count - at);
            switch (random.NextInt(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.NextInt(8));
                    break;
                case 1:
                    bytes[at] = (byte)Marks[random.NextInt(Marks.Length)];
                    break;
                case 2:
                    bytes.Insert(at, (byte)random.NextInt(256));
                    break;
                case 3:
                    bytes.RemoveRange(at, count);
                    break;
                case 4:
                    bytes.InsertRange(at, bytes.GetRange(at, count));
                    break;
                default:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
        }
        return [.. bytes];
    }

    /// <summary>Replaces, removes, renames or moves one value somewhere in the tree.</summary>
    private static string DamageTree(JsonNode root, Rng random)
    {
        // Values below a vocabulary or a list of merges are many; each step down chooses evenly, so the rest is hit too.
        JsonNode node = root;
        while (Children(node) is { Count: > 0 } children && random.NextInt(5) != 0 && children[random.NextInt(children.Count)] is { } child)
            node = child;
        string[] values =
        [
            "null", "true", "-1", "0", "1", "2", "7", "256", "1e3", "0.5", "9223372036854775807", "99999999999999999999", "\"\"", "\"F16\"",
            "\"a b\"", "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "[0,8]", "[1,1]", "[\"a\",\"b\"]", "{\"type\":\"ByteLevel\"}", "[[[[]]]]",
        ];
        string text = values[random.NextInt(values.Length)];
        if (node.Parent is null)
            return random.NextInt(2) == 0 ? text : root.ToJsonString();
        const string Mark = "@mark@";
        switch (random.NextInt(4))
        {
            case 0 when node.Parent is JsonObject parent:
                parent.Remove(node.GetPropertyName());
                break;
            case 1 when node.Parent is JsonObject parent:
                string name = node.GetPropertyName();
                parent.Remove(name);
                parent["x" + name] = node;
                break;
            case 2 when node.Parent is JsonArray list:
                list.RemoveAt(node.GetElementIndex());
                break;
            default:
                node.ReplaceWith(JsonValue.Create(Mark));
                break;
        }
        return root.ToJsonString().Replace($"\"{Mark}\"", text, StringComparison.Ordinal);
    }

    private static List<JsonNode?> Children(JsonNode node) => node switch
    {
        JsonObject members => [.. members.Select(m => m.Value)],
        JsonArray items => [.. items],
        _ => [],
    };
}
