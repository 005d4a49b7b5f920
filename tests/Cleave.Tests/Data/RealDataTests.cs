using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Data.Reading;

namespace Cleave.Tests.Data;

public sealed class RealDataTests : IDisposable
{
    private readonly DataFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static TaskDataset Load(TaskKind kind, string train, string? test, Func<TaskSource, TaskSource> change) =>
        TaskDataset.Load(change(new TaskSource
        {
            Name = "real",
            Kind = kind,
            BaseFolder = Shared.Data(""),
            Train = [train],
            Test = test is null ? [] : [test],
        }), seed: 7);

    [SharedFact]
    public void Banking77_loads_with_its_published_counts()
    {
        TaskDataset data = Load(TaskKind.Classify, "banking77/train.csv", "banking77/test.csv", s => s with { Label = "category" });
        Assert.Equal(10003, data.Report.TrainRowsRead);
        Assert.Equal(3080, data.Test.Count);
        Assert.Equal(77, data.Labels.Count);
        Assert.Equal(10003, data.Train.Count + data.Validation.Count + data.Report.TrainDuplicates + data.Report.TrainAlsoInTest);
        Assert.InRange(data.Validation.Count / (double)(data.Train.Count + data.Validation.Count), 0.14, 0.16);
        Assert.All(data.Report.Labels, l => Assert.True(l.Validation > 0 && l.Test == 40));
        Assert.Equal(10003, data.Report.ToJson()["files"]![0]!["rows"]!.GetValue<long>());
    }

    [SharedFact]
    public void Sst2_loads_with_its_published_counts()
    {
        TaskDataset data = Load(TaskKind.Classify, "glue-sst2/train.tsv", "glue-sst2/dev.tsv", s => s with { Text = "sentence", TrainRows = 2000 });
        Assert.Equal(67349, data.Report.TrainRowsRead);
        Assert.Equal(872, data.Test.Count);
        Assert.Equal([428, 444], data.Report.Labels.Select(l => l.Test));
        Assert.Equal(["0", "1"], data.Labels);
    }

    [SharedTheory]
    [InlineData("glue-rte/train.tsv", "glue-rte/dev.tsv", "{sentence1} {sentence2}", "label", true, 2127, 277)]
    [InlineData("glue-mrpc/msr-para-train.tsv", "glue-mrpc/msr-para-test.tsv", "{#1 String} | {#2 String}", "Quality", true, 3576, 1725)]
    [InlineData("glue-cola/train.tsv", "glue-cola/dev.tsv", "4", "2", false, 7250, 1043)]
    public void Tab_separated_files_load_with_their_published_counts(string train, string test, string text, string label, bool header, int rows, int testRows)
    {
        TaskDataset data = Load(TaskKind.Classify, train, test, s => s with { Text = text, Label = label, Header = header });
        Assert.Equal(rows, data.Report.TrainRowsRead);
        Assert.Equal(testRows, data.Test.Count);
        Assert.Equal(2, data.Labels.Count);
        Assert.Empty(data.Report.Dropped);
    }

    [SharedFact]
    public void Dialogues_and_summaries_load_for_generation()
    {
        TaskDataset data = Load(TaskKind.Generate, "dialogsum/dialogsum.dev.jsonl", null, s => s with { Text = "dialogue", Target = "summary" });
        Assert.Equal(500, data.Report.TrainRowsRead);
        Assert.Equal(500, data.Train.Count + data.Validation.Count + data.Test.Count);
        Assert.All(data.Train, e => Assert.True(e.Target!.Length > 0 && e.Text.Contains('\n')));
    }

    [SharedFact]
    public void Questions_load_for_extraction_with_their_answers_found()
    {
        JsonNode squad = JsonNode.Parse(File.ReadAllText(Shared.Data("squad-xquad-en/xquad.en.articles-a.json")))!;
        var lines = new List<string>();
        foreach (JsonNode? paragraph in squad["data"]!.AsArray().SelectMany(a => a!["paragraphs"]!.AsArray()))
        {
            foreach (JsonNode? question in paragraph!["qas"]!.AsArray())
            {
                lines.Add(new JsonObject
                {
                    ["text"] = paragraph["context"]!.GetValue<string>(),
                    ["question"] = question!["question"]!.GetValue<string>(),
                    ["answer"] = question["answers"]![0]!["text"]!.GetValue<string>(),
                }.ToJsonString());
            }
        }
        string path = _folder.Write("squad.jsonl.gz", string.Join('\n', lines));
        TaskDataset data = TaskDataset.Load(new TaskSource { Name = "qa", Kind = TaskKind.Extract, Train = [path] }, seed: 7);
        Assert.Equal(816, data.Train.Count + data.Validation.Count + data.Test.Count + data.Report.TrainDuplicates + data.Report.TrainAlsoInTest);
        Assert.Empty(data.Report.Dropped);
        Assert.All(data.Train, e => Assert.Equal(e.Target, e.Text[e.Spans[0].Start..e.Spans[0].End]));
        // The questions of one paragraph stay together.
        Assert.Empty(data.Train.Select(e => e.Text).Intersect(data.Test.Concat(data.Validation).Select(e => e.Text)));
    }

    [SharedFact]
    public void Corpora_are_cut_into_documents()
    {
        Assert.Equal(7222, Corpus.Read([Shared.Data("tinyshakespeare/input.txt")]).Count());
        Assert.Equal(2156, Corpus.Read([Shared.Data("topical-chat/conversations.txt.gz")]).Count());
        Assert.Equal(2098, RowReader.Read(Shared.Data("sgd-dialogues/dev.jsonl.gz")).Count());
        Assert.Equal(1508, RowReader.Read(Shared.Data("crows-pairs/crows_pairs_anonymized.csv")).Count());
    }
}
