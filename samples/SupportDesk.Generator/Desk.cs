using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Cleave.Numerics;

namespace SupportDesk.Generator;

/// <summary>Writes the whole sample: for each task a training and a test file that share no text.</summary>
public static class Desk
{
    private const int MostWords = 30;

    /// <summary>The share of the test rows that say things with words and phrases that training never shows.</summary>
    private const double UnseenShare = 0.3;

    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private sealed record Row(Message Message, Action<Utf8JsonWriter> Write);

    /// <summary>Every file of the sample by name. The same seed gives the same bytes.</summary>
    public static SortedDictionary<string, byte[]> Generate(ulong seed)
    {
        var grammar = Grammar.Load();
        var replies = new Replies(grammar);
        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);

        Task("intent", part => Intents.Classes.SelectMany(c => Enumerable.Repeat(c.Name, Share(c.Rows, part, 0.6, 16))),
            (customer, name) => Labelled(
                Noise.Apply(Intents.Letter(customer, name, Intents.Request(customer, name)), customer.Rng, 1), name));
        Task("sentiment", part => Sentiments.Classes.SelectMany(c => Enumerable.Repeat(c.Name, Share(c.Rows, part, 0.7, 1))),
            (customer, name) => Labelled(Noise.Apply(Sentiments.Opinion(customer, name), customer.Rng, 1), name));
        Task("reply", part => Enumerable.Range(0, part == "train" ? 1200 : 500).Select(i => replies.Names[i % replies.Names.Length]),
            (customer, name) =>
            {
                (Message message, string reply) = replies.Exchange(customer, name);
                return new Row(message, json => json.WriteString("target", reply));
            });
        Task("order", part => Enumerable.Repeat("order", part == "train" ? 1200 : 1000),
            (customer, _) => Marked(Noise.Apply(Orders.Report(customer), customer.Rng, 1)));
        return files;

        void Task(string task, Func<string, IEnumerable<string>> names, Func<Customer, string, Row> make)
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (string part in (string[])["train", "test"])
            {
                Rng rng = Rng.For(seed, $"{task}/{part}");
                Customer familiar = new(grammar, rng, test: false), stranger = new(grammar, rng, test: true);
                Row[] rows = [.. names(part).Select(name => Fresh(part == "test" && rng.NextDouble() < UnseenShare ? stranger : familiar, name, make, seen))];
                rng.Shuffle<Row>(rows);
                files[$"{task}.{part}.jsonl"] = Lines(rows);
            }
        }
    }

    private static int Share(int rows, string part, double share, int least) =>
        part == "train" ? rows : Math.Max(least, (int)Math.Round(rows * share));

    /// <summary>A short row whose text, letters and digits only, has not been written before in either part.</summary>
    private static Row Fresh(Customer customer, string name, Func<Customer, string, Row> make, HashSet<string> seen)
    {
        for (int attempt = 0; attempt < 1000; attempt++)
        {
            Row row = make(customer, name);
            string key = string.Concat(row.Message.Text.Where(char.IsLetterOrDigit)).ToLowerInvariant();
            if (row.Message.Text.Split(' ').Length <= MostWords && seen.Add(key))
                return row;
        }
        throw new InvalidDataException($"the lexicon has too few ways to say '{name}'");
    }

    private static Row Labelled(Message message, string label) => new(message, json => json.WriteString("label", label));

    private static Row Marked(Message message) => new(message, json =>
    {
        json.WriteStartArray("spans");
        foreach (Mark mark in message.Marks.Where(m => Orders.Labels.Contains(m.Label)))
        {
            json.WriteStartArray();
            json.WriteNumberValue(mark.Start);
            json.WriteNumberValue(mark.End);
            json.WriteStringValue(mark.Label);
            json.WriteEndArray();
        }
        json.WriteEndArray();
    });

    private static byte[] Lines(Row[] rows)
    {
        using var bytes = new MemoryStream();
        foreach (Row row in rows)
        {
            using (var json = new Utf8JsonWriter(bytes, Json))
            {
                json.WriteStartObject();
                json.WriteString("text", row.Message.Text);
                row.Write(json);
                json.WriteEndObject();
            }
            bytes.Write(Encoding.UTF8.GetBytes("\n"));
        }
        return bytes.ToArray();
    }
}
