using System.Text.Json.Nodes;
using Cleave.Data;
using SupportDesk.Generator;

namespace Cleave.Tests.Samples;

/// <summary>The sample's data is what its generator writes, and it is what the sample's page promises.</summary>
public sealed class SupportDeskTests
{
    private static readonly Lazy<SortedDictionary<string, byte[]>> Generated = new(() => Desk.Generate(202));

    public static TheoryData<string> Tasks => ["intent", "sentiment", "reply", "order"];

    private static string Folder => Path.Combine(Shared.Repository, "samples", "support-desk", "data");

    private static List<JsonObject> Rows(string task, string part) =>
        [.. File.ReadLines(Path.Combine(Folder, $"{task}.{part}.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject())];

    private static string Text(JsonObject row) => (string)row["text"]!;

    private static string Key(JsonObject row) => string.Concat(Text(row).Where(char.IsLetterOrDigit)).ToLowerInvariant();

    [Fact]
    public void The_generator_writes_the_checked_in_files_byte_for_byte()
    {
        Assert.Equal(Generated.Value.Keys, Directory.GetFiles(Folder).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));
        foreach ((string name, byte[] bytes) in Generated.Value)
            Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(Folder, name))), name);
    }

    [Fact]
    public void Another_seed_writes_other_data() =>
        Assert.All(Desk.Generate(8), file => Assert.False(file.Value.AsSpan().SequenceEqual(Generated.Value[file.Key]), file.Key));

    [Fact]
    public void The_files_stay_small() => Assert.True(Generated.Value.Values.Sum(bytes => bytes.Length) < 1_500_000);

    [Theory]
    [MemberData(nameof(Tasks))]
    public void No_text_occurs_twice_in_training_and_test_together(string task)
    {
        string[] keys = [.. Rows(task, "train").Concat(Rows(task, "test")).Select(Key)];
        Assert.Equal(keys.Length, keys.Distinct(StringComparer.Ordinal).Count());
    }

    [Theory]
    [MemberData(nameof(Tasks))]
    public void Texts_are_short_and_clean(string task)
    {
        Assert.All(Rows(task, "train").Concat(Rows(task, "test")).Select(Text), text =>
        {
            Assert.InRange(text.Split(' ').Length, 1, 30);
            Assert.Equal(text.Trim(), text);
            Assert.DoesNotContain("  ", text, StringComparison.Ordinal);
            // A bracket or brace left over from the grammar or from a reply's blank.
            Assert.DoesNotContain(text, c => c is '<' or '>' or '[' or ']' or '{' or '}' or '|');
        });
    }

    [Fact]
    public void Intents_run_from_frequent_to_rare_and_every_class_is_tested()
    {
        Dictionary<string, int> train = Count("intent", "train"), test = Count("intent", "test");
        Assert.Equal(Intents.Classes.ToDictionary(c => c.Name, c => c.Rows), train);
        Assert.Equal(27, train.Count);
        Assert.Equal((195, 25), (train.Values.Max(), train.Values.Min()));
        Assert.Equal((1840, 1108), (train.Values.Sum(), test.Values.Sum()));
        Assert.All(train.Keys, name => Assert.InRange(test[name], 15, train[name]));
    }

    [Fact]
    public void Sentiments_have_three_classes()
    {
        Assert.Equal(new() { ["negative"] = 960, ["positive"] = 800, ["neutral"] = 640 }, Count("sentiment", "train"));
        Assert.Equal(new() { ["negative"] = 672, ["positive"] = 560, ["neutral"] = 448 }, Count("sentiment", "test"));
    }

    [Theory]
    [InlineData("train", 1200)]
    [InlineData("test", 1000)]
    public void Spans_lie_in_their_text_in_order_and_cover_whole_words(string part, int rows)
    {
        List<JsonObject> all = Rows("order", part);
        Assert.Equal(rows, all.Count);
        var seen = new Dictionary<string, int>();
        foreach (JsonObject row in all)
        {
            string text = Text(row);
            int last = 0;
            foreach (JsonArray span in row["spans"]!.AsArray().Select(s => s!.AsArray()))
            {
                (int start, int end, string label) = ((int)span[0]!, (int)span[1]!, (string)span[2]!);
                Assert.True(last <= start && start < end && end <= text.Length, text);
                string words = text[start..end];
                Assert.Equal(words.Trim(), words);
                Assert.True(start == 0 || !char.IsLetterOrDigit(text[start - 1]), text);
                Assert.True(end == text.Length || !char.IsLetterOrDigit(text[end]), text);
                Assert.True(label is not ("order_id" or "amount") || words.Any(char.IsAsciiDigit), text);
                seen[label] = seen.GetValueOrDefault(label) + 1;
                last = end;
            }
        }
        Assert.Equal(Orders.Labels.Order(StringComparer.Ordinal), seen.Keys.Order(StringComparer.Ordinal));
        Assert.All(seen.Values, count => Assert.True(count >= rows / 10));
        Assert.Contains(all, row => row["spans"]!.AsArray().Count == 0);
    }

    [Theory]
    [InlineData("train", 1200)]
    [InlineData("test", 500)]
    public void Replies_name_only_what_the_message_names(string part, int rows)
    {
        List<JsonObject> all = Rows("reply", part);
        Assert.Equal(rows, all.Count);
        Assert.All(all, row =>
        {
            string target = (string)row["target"]!;
            Assert.DoesNotContain(target, c => c is '{' or '}');
            foreach (string number in Numbers(target).Where(n => n.Length >= 5))
                Assert.Contains(number, Text(row), StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Test_customers_use_words_that_training_never_shows()
    {
        HashSet<string> Words(string part) => [.. Rows("order", part).SelectMany(r => Text(r).ToLowerInvariant().Split(' '))];
        HashSet<string> train = Words("train"), test = Words("test");
        Assert.DoesNotContain("kestrel", train);
        Assert.Contains("kestrel", test);
    }

    [Theory]
    [InlineData("intent", TaskKind.Classify, 1840, 1108)]
    [InlineData("sentiment", TaskKind.Classify, 2400, 1680)]
    [InlineData("reply", TaskKind.Generate, 1200, 500)]
    [InlineData("order", TaskKind.Extract, 1200, 1000)]
    public void Every_row_survives_reading_and_cleaning(string task, TaskKind kind, int train, int test)
    {
        TaskDataset data = TaskDataset.Load(
            new TaskSource
            {
                Name = task,
                Kind = kind,
                BaseFolder = Folder,
                Train = [$"{task}.train.jsonl"],
                Test = [$"{task}.test.jsonl"],
            },
            seed: 7);
        Assert.Equal((train, test), (data.Train.Count + data.Validation.Count, data.Test.Count));
    }

    private static Dictionary<string, int> Count(string task, string part) =>
        Rows(task, part).GroupBy(row => (string)row["label"]!).ToDictionary(g => g.Key, g => g.Count());

    private static string[] Numbers(string text) =>
        new string([.. text.Select(c => char.IsAsciiDigit(c) ? c : ' ')]).Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
