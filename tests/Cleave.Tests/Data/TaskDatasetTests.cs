using Cleave.Data;

namespace Cleave.Tests.Data;

public sealed class TaskDatasetTests : IDisposable
{
    private readonly DataFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Texts that share no runs of characters to speak of.</summary>
    private static (string Text, string Label)[] Items(int n, int labels, ulong seed = 1)
    {
        var rng = new Cleave.Numerics.Rng(seed);
        return [.. Enumerable.Range(0, n).Select(i => (string.Concat(Enumerable.Range(0, 30).Select(_ => (char)('a' + rng.NextInt(26)))), $"l{i % labels}"))];
    }

    private TaskDataset Table(TaskKind kind, string train, string test, Func<TaskSource, TaskSource>? change = null)
    {
        _folder.Write("train.csv", train);
        _folder.Write("test.csv", test);
        var source = new TaskSource { Name = "t", Kind = kind, BaseFolder = _folder.Root, Train = ["train.csv"], Test = ["test.csv"] };
        return TaskDataset.Load(change is null ? source : change(source), 1);
    }

    [Fact]
    public void Duplicates_and_items_of_the_test_set_leave_training_and_are_counted()
    {
        (string Text, string Label)[] items = Items(40, 2);
        (string, string)[] test = [("Shared  TEXT here", "l0"), ("other words entirely", "l1"), ("other words entirely", "l1")];
        (string, string)[] train = [.. items, items[0], items[1], ("shared text\nHERE ", "l0"), (items[2].Text, "l1")];
        TaskDataset data = _folder.Load(train, test);
        Assert.Equal(2, data.Report.TrainDuplicates);
        Assert.Equal(1, data.Report.TrainAlsoInTest);
        Assert.Equal(1, data.Report.ConflictingTexts);
        Assert.Equal(1, data.Report.TestDuplicates);
        Assert.Equal(3, data.Test.Count);
        Assert.Equal(41, data.Train.Count + data.Validation.Count);
        Assert.Equal(["l0", "l1"], data.Labels);
        Assert.Equal(44, data.Report.TrainRowsRead);
        Assert.Equal(64, data.Report.Files[0].Sha256.Length);
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(data.Report.Files[1].Path))), data.Report.Files[1].Sha256);
    }

    [Fact]
    public void Validation_may_have_files_of_its_own_whose_texts_leave_training()
    {
        (string Text, string Label)[] items = Items(30, 2), held = Items(6, 2, seed: 2);
        string Csv(IEnumerable<(string Text, string Label)> rows) => "text,label\n" + string.Concat(rows.Select(r => $"{r.Text},{r.Label}\n"));
        _folder.Write("held.csv", Csv([.. held, held[0], items[0]]));
        TaskDataset data = Table(TaskKind.Classify, Csv([.. items, held[1]]), Csv([items[1], items[2], held[2]]), s => s with { Validation = ["held.csv"] });
        Assert.Equal([held[0].Text, held[1].Text, held[3].Text, held[4].Text, held[5].Text, items[0].Text], data.Validation.Select(e => e.Text));
        Assert.Equal(items[3..].Select(i => i.Text), data.Train.Select(e => e.Text));
        Assert.Equal(3, data.Report.Files.Count);
        var unknown = Assert.Throws<DatasetException>(() =>
        {
            _folder.Write("held.csv", "text,label\nsomething else,l9\n");
            Table(TaskKind.Classify, Csv(items), Csv(items[..2]), s => s with { Validation = ["held.csv"] });
        });
        Assert.Contains("only the validation items have: 'l9'", unknown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_without_text_or_label_are_dropped_with_reasons()
    {
        TaskDataset data = Table(TaskKind.Classify, "text,label\nfirst item,a\n,a\n  ,b\nsecond thing,\nthird one here,b\nfourth and last,a\n", "text,label\nx,a\ny,b\n");
        Assert.Equal([("no text", 2), ("no label", 1)], data.Report.Dropped.Select(d => (d.Reason, d.Count)));
        Assert.EndsWith("train.csv:3", data.Report.Dropped[0].First);
        Assert.Equal(3, data.Train.Count + data.Validation.Count);
    }

    [Fact]
    public void The_same_seed_gives_the_same_items_and_another_seed_others()
    {
        (string, string)[] items = Items(200, 4);
        string[] Validation(ulong seed) => [.. _folder.Load(items, null, seed).Validation.Select(e => e.Text)];
        Assert.Equal(Validation(7), Validation(7));
        Assert.NotEqual(Validation(7), Validation(8));
    }

    [Fact]
    public void Without_test_files_the_items_are_parted_by_label_and_never_twice()
    {
        (string Text, string Label)[] items = [.. Items(300, 2), .. Items(60, 1, 5).Select(i => (i.Text, "rare"))];
        TaskDataset data = _folder.Load(items, null);
        Assert.Equal(360, data.Train.Count + data.Validation.Count + data.Test.Count);
        Assert.Equal(360, data.Train.Concat(data.Validation).Concat(data.Test).Select(e => e.Text).Distinct().Count());
        Assert.Equal(72, data.Test.Count);
        Assert.Equal(43, data.Validation.Count);
        LabelCount rare = data.Report.Labels.Single(l => l.Label == "rare");
        Assert.Equal(new LabelCount("rare", 41, 7, 12), rare);
        Assert.Equal(2.5, data.Report.ImbalanceRatio);
    }

    [Fact]
    public void Near_duplicates_stay_on_one_side()
    {
        (string Text, string Label)[] items = Items(80, 2);
        string question = "how do i change the address on my second bank account please";
        (string, string)[] near = [.. Enumerable.Range(0, 20).Select(i => ($"{question} {(char)('a' + i)}{(i % 2 == 0 ? "?" : "!")}".ToUpperInvariant(), "l0"))];
        for (ulong seed = 0; seed < 5; seed++)
        {
            TaskDataset data = _folder.Load([.. items, .. near], null, seed);
            int[] sides = [.. new[] { data.Train, data.Validation, data.Test }.Select(s => s.Count(e => e.Text.StartsWith("HOW DO I", StringComparison.Ordinal)))];
            Assert.Equal([0, 0, 20], sides.Order());
        }
    }

    [Fact]
    public void Row_limits_take_a_seeded_sample()
    {
        (string, string)[] items = Items(500, 2), test = Items(100, 2, 9);
        TaskDataset Load(ulong seed) => _folder.Load(items, test, seed, s => s with { TrainRows = 100, TestRows = 50 });
        TaskDataset data = Load(1);
        Assert.Equal((100, 50, 500L), (data.Train.Count + data.Validation.Count, data.Test.Count, data.Report.TrainRowsRead));
        Assert.Equal(data.Test, Load(1).Test);
        Assert.NotEqual(data.Test, Load(2).Test);
        Assert.Contains(data.Train, e => int.Parse(e.Source.Split(':')[^1]) > 400);
    }

    [Fact]
    public void All_problems_are_reported_at_once()
    {
        _folder.Write("a.csv", "txt,label\nx,a\n");
        _folder.Write("b.jsonl", "{\"text\":\"x\",\"lable\":\"a\"}\n");
        var source = new TaskSource { Name = "t", Kind = TaskKind.Classify, BaseFolder = _folder.Root, Train = ["*.csv", "b.jsonl", "none.tsv"], Test = ["*.gz"] };
        var error = Assert.Throws<DatasetException>(() => TaskDataset.Load(source, 1));
        Assert.Equal(4, error.Problems.Count);
        Assert.Contains("a.csv: has no column 'text'; did you mean 'txt'?", error.Message);
        Assert.Contains("b.jsonl: has no column 'label'; did you mean 'lable'?", error.Message);
        Assert.Contains("there is no such file", error.Message);
        Assert.Contains("no file matches this pattern", error.Message);
    }

    [Fact]
    public void Impossible_tasks_are_refused()
    {
        string Message(string train, string test) => Assert.ThrowsAny<CleaveException>(() => Table(TaskKind.Classify, train, test)).Message;
        const string Good = "text,label\none thing,a\nother stuff,b\nthird piece,a\nfourth part,b\n";
        Assert.Contains("only the test items have: 'c', 'd', 'e', 'f', 'g' and 1 more", Message(Good, "text,label\nx1,c\nx2,d\nx3,e\nx4,f\nx5,g\nx6,h\n"));
        Assert.Contains("the one label 'a'", Message("text,label\none,a\ntwo,a\n", "text,label\nx,a\n"));
        Assert.Contains("no test item is left", Message(Good, "text,label\n,a\n"));
        Assert.Contains("no training item is left", Message("text,label\nsame,a\nSAME,b\n", "text,label\nsame,a\n"));
    }

    [Fact]
    public void Generate_wants_targets()
    {
        TaskDataset data = Table(TaskKind.Generate, "a,b,target\nx,1,long answer\ny,2,short\nz,3,other\n", "a,b,target\nw,9,t\n", s => s with { Text = "{a}-{b}" });
        Assert.Equal("w-9", data.Test[0].Text);
        Assert.Equal("t", data.Test[0].Target);
        Assert.Empty(data.Labels);
        var error = Assert.Throws<DatasetException>(() => Table(TaskKind.Generate, "text,target\nx,\ny,b\nz, \n", "text,target\nw,t\n"));
        Assert.Matches(@"the target is empty: .*train\.csv:2, .*train\.csv:4", error.Message);
    }

    [Fact]
    public void Answers_become_spans_and_lost_ones_are_noise_up_to_a_tenth()
    {
        string Rows(int good, int lost) => "text,question,answer\n" + string.Concat(Enumerable.Range(0, good).Select(i => $"\"number {i}, number {i}\",which {i},number {i}\n"))
            + string.Concat(Enumerable.Range(0, lost).Select(i => $"text {i},what {i},absent\n")) + "nothing here,where,\n";
        TaskDataset data = Table(TaskKind.Extract, Rows(19, 2), Rows(9, 1).Replace("number", "digit"));
        Assert.Equal([("the answer is not in the text", 3)], data.Report.Dropped.Select(d => (d.Reason, d.Count)));
        Example found = data.Test.First(e => e.Question == "which 4");
        Assert.Equal([new TextSpan(0, 7, "answer")], found.Spans);
        Assert.Equal("digit 4", found.Target);
        Assert.Equal("", data.Test.Single(e => e.Question == "where").Target);
        Assert.Contains("of 28 answers are not words of their text",
            Assert.Throws<DatasetException>(() => Table(TaskKind.Extract, Rows(19, 2), Rows(5, 2))).Message);
    }

    [Fact]
    public void Spans_are_checked_and_ordered()
    {
        const string Test = "text,spans\nJohn met Mary,\"[[9,13,\"\"name\"\"],[0,4,\"\"name\"\"]]\"\n";
        TaskDataset data = Table(TaskKind.Extract, "text,spans\nAnna is here,\"[[0,4,\"\"name\"\"]]\"\nnobody at all,[]\n", Test);
        Assert.Equal([new TextSpan(0, 4, "name"), new TextSpan(9, 13, "name")], data.Test[0].Spans);
        Assert.Equal(["name"], data.Labels);
        var error = Assert.Throws<DatasetException>(() => Table(TaskKind.Extract,
            "text,spans\nabc,\"[[0,4,\"\"n\"\"]]\"\nabcdef,\"[[0,3,\"\"n\"\"],[2,5,\"\"n\"\"]]\"\nabc,\"[[0,1]]\"\nabc,{\nabc,\"[[2,2,\"\"n\"\"]]\"\n", Test));
        Assert.Equal(3, error.Problems.Count);
        Assert.Contains("a span is empty or reaches outside of the text", error.Message);
        Assert.Contains("spans overlap", error.Message);
        Assert.Contains("not a JSON list of [start, end, label]", error.Message);
        Assert.Contains("cuts a character in half", Assert.Throws<DatasetException>(() => Table(TaskKind.Extract,
            "text,spans\n\U0001F600 here,\"[[1,4,\"\"n\"\"]]\"\n", Test)).Message);
        Assert.Contains("has neither a column 'answer' nor 'spans'",
            Assert.Throws<DatasetException>(() => Table(TaskKind.Extract, "text,x\na,b\n", Test)).Message);
    }

    [Fact]
    public void Plain_text_is_cut_at_blank_lines_for_language_modelling()
    {
        _folder.Write("a.txt", "first document\nof two lines\n\nsecond one\n\nthird one\n\nfourth\n\nfifth\n\nsixth\n");
        TaskDataset data = TaskDataset.Load(new TaskSource { Name = "t", Kind = TaskKind.LanguageModel, BaseFolder = _folder.Root, Train = ["a.txt"] }, 1);
        Assert.Equal((4, 1, 1), (data.Train.Count, data.Validation.Count, data.Test.Count));
        Assert.Contains(data.Train.Concat(data.Validation).Concat(data.Test), e => e.Text == "first document\nof two lines");
    }
}
