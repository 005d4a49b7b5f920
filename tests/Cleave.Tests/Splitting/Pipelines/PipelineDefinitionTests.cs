using System.Text.RegularExpressions;
using Cleave.Data;
using Cleave.Splitting.Pipelines;
using Cleave.Splitting.Projects;

namespace Cleave.Tests.Splitting.Pipelines;

public sealed partial class PipelineDefinitionTests : IDisposable
{
    private const string Every = """
        care:
          steps:
            mood: {task: mood, limit: 50ms, on_failure: default calm}
            who: {task: names, question: "who, when {mood}?", each: sentences, separator: "; ", on_failure: skip}
            long: {task: reply, text: "{input} {who.name}", each: 64 tokens, when: {step: mood, is: [loud], not: calm, above: 0.25, below: 0.75}}
            note: {join: "{{{mood}}} {who}", when: {step: mood, above: 0.5}}
          output: "{note}: {long}"
        alone: {steps: {mood: {task: mood}}, output: "{mood}"}
        """;

    private static readonly Dictionary<string, TaskKind> Kinds = new(StringComparer.Ordinal) { ["mood"] = TaskKind.Classify, ["reply"] = TaskKind.Generate, ["names"] = TaskKind.Extract };
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-pipeline-file").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Everything_that_a_step_can_say_is_read()
    {
        PipelineDefinition care = PipelineCases.Read(Every)[0];
        Assert.Equal(["mood", "who", "long", "note"], care.Steps.Select(s => s.Name));
        (StepDefinition mood, StepDefinition who, StepDefinition @long, StepDefinition note) = (care.Steps[0], care.Steps[1], care.Steps[2], care.Steps[3]);
        Assert.Equal((TimeSpan.FromMilliseconds(50), new FailureRule(false, "calm")), (mood.Limit!.Value, mood.OnFailure));
        Assert.Equal((null, "; ", true), (who.Each!.Tokens, who.Separator, who.OnFailure.Skips));
        Assert.Equal("who, when loud?", who.Question!.Render(r => r.Step == "mood" ? "loud" : ""));
        Assert.Equal((64, FailureRule.Fail), (@long.Each!.Tokens, @long.OnFailure));
        Assert.Equal(["input", "who", "mood"], @long.Needs);
        Assert.Equal(["loud", "calm"], @long.When!.Is.Concat(@long.When.Not));
        Assert.Equal((0.25, 0.75), (@long.When.Above!.Value, @long.When.Below!.Value));
        Assert.Equal("{loud} anna", note.Text.Render(r => r.Step == "mood" ? "loud" : "anna"));
        Assert.Null(note.Task);
        Assert.Equal(["mood", "who", "long note"], PipelineOrder.Waves(care).Select(w => string.Join(' ', w.Select(s => s.Name))));
        Assert.Empty(PipelineCases.Load(PipelineCases.Tasks).Pipelines);
    }

    [Fact]
    public void A_release_keeps_what_the_project_said()
    {
        IReadOnlyList<PipelineDefinition> declared = PipelineCases.Read(Every);
        PipelineFile.Write(_folder, declared);
        string written = File.ReadAllText(Path.Combine(_folder, PipelineFile.Name));
        IReadOnlyList<PipelineDefinition> read = PipelineFile.Read(_folder, Kinds);
        Assert.Equal(["care", "alone"], read.Select(p => p.Name));
        StepDefinition a = declared[0].Steps[2], b = read[0].Steps[2];
        Assert.Equal((a.Task, a.Text.Source, a.Each, a.When!.Step, a.When.Above, a.When.Below), (b.Task, b.Text.Source, b.Each, b.When!.Step, b.When.Above, b.When.Below));
        Assert.Equal(declared[0].Steps.Select(s => (s.Name, s.OnFailure, s.Limit, s.Separator, s.Question?.Source)), read[0].Steps.Select(s => (s.Name, s.OnFailure, s.Limit, s.Separator, s.Question?.Source)));
        PipelineFile.Write(_folder, read);
        Assert.Equal(written, File.ReadAllText(Path.Combine(_folder, PipelineFile.Name)));
    }

    [Fact]
    public void All_mistakes_are_reported_at_once_with_lines_and_near_names()
    {
        string[] problems = Problems("""
            pipelines:
              mood: {steps: {a: {task: mood}}, output: "{a}"}
              care:
                steps:
                  input: {task: mood}
                  feel: {task: moood, text: "{inptu}", on_failure: ignore, limit: 2h}
                  who: {task: names, each: paragraphs, textt: x, question: "{"}
                  both: {task: mood, join: "{who}"}
                  note: {join: "{feel.name} {who}", limit: 5ms, when: {step: feal, is: x}}
                  sure: {task: reply, question: "{input}", when: {step: note}}
                  word: {task: mood, text: input, separator: ","}
                output: "{nots} {input.x}"
              none: {steps: {}}
            """);
        string[] expected =
        [
            "line 8: a pipeline cannot be called 'mood': a task uses that name",
            "line 11: a step cannot be called 'input'",
            "line 12: there is no task 'moood' (did you mean 'mood'?)",
            "line 12: there is no step 'inptu' (did you mean 'input'?)",
            "line 12: 'ignore' cannot be: write 'fail', 'skip' or 'default' and a text",
            "line 12: 'pipelines.care.steps.feel.limit' must be a positive number with one of the units us, ms, s, not '2h'",
            "line 13: 'paragraphs' is no way to cut a text: write 'sentences', or a number of tokens such as '64 tokens'",
            "line 13: unknown key 'pipelines.care.steps.who.textt' (did you mean 'text'?)",
            "line 13: the text '{' is malformed",
            "line 14: step 'both' needs either 'task', whose module answers, or 'join'",
            "line 15: 'limit' is for steps with a 'task'",
            "line 15: there is no step 'feal' (did you mean 'feel'?)",
            "line 16: a condition needs 'is', 'not', 'above' or 'below'",
            "line 16: step 'note' puts a text together: it has neither label nor confidence",
            "line 16: task 'reply' takes no question",
            "line 17: 'text' reads nothing: write {input}, or a step as {name}",
            "line 17: a 'separator' stands between the outputs of parts",
            "line 18: there is no step 'nots' (did you mean 'note'?)",
            "line 18: '{input.x}': the input has no parts",
            "line 19: 'pipelines.none.output' is missing",
            "line 19: pipeline 'none' has 0 steps, but must have 1 to 64",
        ];
        foreach (string part in expected)
            Assert.Contains(problems, p => p.StartsWith(part, StringComparison.Ordinal));
        Assert.Equal(expected.Length, problems.Length);
    }

    [Fact]
    public void Steps_that_wait_for_each_other_and_steps_that_nothing_uses_are_named()
    {
        string[] problems = Problems("""
            pipelines:
              care:
                steps:
                  a: {task: mood, text: "{b}"}
                  b: {task: reply, text: "{c} {input}"}
                  c: {join: "{a}"}
                  d: {task: reply, text: "{d}"}
                  e: {task: mood, when: {step: f, is: calm}}
                  f: {task: mood}
                  g: {join: "{e.name} {f}"}
                  h: {task: names, when: {step: b, is: loud}}
                output: "{a} {d} {h.name}"
            """);
        string[] expected =
        [
            "line 10: steps wait for each other: 'a' needs 'b' needs 'c' needs 'a'",
            "line 13: step 'd' waits for itself",
            "line 14: nothing uses step 'e'",
            "line 15: nothing uses step 'f'",
            "line 16: '{e.name}': only a step that extracts has parts",
            "line 16: nothing uses step 'g'",
            "line 17: step 'b' gives no label",
        ];
        foreach (string part in expected)
            Assert.Contains(problems, p => p.StartsWith(part, StringComparison.Ordinal));
        Assert.Equal(expected.Length, problems.Length);
    }

    [Fact]
    public void Labels_that_the_data_does_not_have_are_found_before_anything_is_trained()
    {
        using var project = new SmallProject();
        File.AppendAllText(project.ProjectPath, """

            pipelines:
              care:
                steps:
                  feel: {task: mood}
                  what: {task: thing, when: {step: feel, is: [bad, badd]}}
                output: "{what.thin} {what.thing}"
            """);
        ProjectException e = Assert.Throws<ProjectException>(() => project.Split("out"));
        Assert.Equal(["line 13: pipelines.care.what.when: task 'mood' has no label 'badd' (did you mean 'bad'?)", "line 10: pipelines.care.output: task 'thing' finds no 'thin' (did you mean 'thing'?)"], e.Problems);
        Assert.False(Directory.Exists(Path.Combine(project.Folder, "out.work")));
    }

    [Theory]
    [InlineData("[]", "expected an object")]
    [InlineData("""{"format": 2, "pipelines": []}""", "newer")]
    [InlineData("""{"format": 1, "pipelines": [{"name": "p", "steps": [], "output": "{a}"}]}""", "0 steps")]
    [InlineData("""{"format": 1, "pipelines": [{"name": "p", "steps": [{"name": "a", "task": "none", "text": "{input}"}], "output": "{a}"}]}""", "no task 'none'")]
    [InlineData("""{"format": 1, "pipelines": [{"name": "p", "steps": [{"name": "a", "join": "{a}"}], "output": "{a}"}]}""", "waits for itself")]
    [InlineData("""{"format": 1, "pipelines": [{"name": "p", "steps": [{"name": "a", "task": "mood", "text": "{input"}], "output": "{a}"}]}""", "names in braces")]
    [InlineData("""{"format": 1, "pipelines": [{"name": "p", "steps": [{"name": "a", "task": "mood", "text": "{input}", "limit_ms": 1e99}], "output": "{a}"}]}""", "limit_ms")]
    [InlineData("""{"format": 1, "pipelines": [{"name": "mood", "steps": [{"name": "a", "task": "mood", "text": "{input}"}], "output": "{a}"}]}""", "used twice")]
    [InlineData("""{"format": 1, "pipelines": [{"name": "p", "steps": [{"name": "a", "join": "x"}, {"name": "a", "join": "x"}], "output": "{a}"}]}""", "used twice")]
    public void A_damaged_file_is_refused_in_words(string json, string words)
    {
        File.WriteAllText(Path.Combine(_folder, PipelineFile.Name), json);
        Assert.Contains(words, Assert.Throws<ModelFileException>(() => PipelineFile.Read(_folder, Kinds)).Message, StringComparison.Ordinal);
    }

    /// <summary>What the page shows works with the sample project.</summary>
    [Fact]
    public void The_example_of_the_documentation_is_valid()
    {
        string sample = Path.Combine(Shared.Repository, "samples", "support-desk");
        string page = File.ReadAllText(Path.Combine(Shared.Repository, "docs", "pipelines.md"));
        string example = Yaml().Match(page).Groups["yaml"].Value;
        Assert.StartsWith("pipelines:", example, StringComparison.Ordinal);
        SplitProject project = PipelineCases.Load(File.ReadAllText(Path.Combine(sample, SplitProject.FileName)).Replace("data/", sample + "/data/", StringComparison.Ordinal) + example);
        PipelineDefinition shown = project.Pipelines[0];
        Assert.Equal("triage", shown.Name);
        Dictionary<string, IReadOnlyCollection<string>> labels = project.Tasks.ToDictionary(t => t.Name, IReadOnlyCollection<string> (t) => TaskDataset.Load(t.Source, project.Seed).Labels);
        var wrong = new List<string>();
        PipelineChecker.CheckLabels(shown, task => labels[task], (_, _, problem) => wrong.Add(problem));
        Assert.Empty(wrong);
    }

    [GeneratedRegex("```yaml\n(?<yaml>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Yaml();

    private static string[] Problems(string pipelines) => [.. Assert.Throws<ProjectException>(() => PipelineCases.Load(PipelineCases.Tasks + pipelines)).Problems];
}
