using Cleave.Data;
using Cleave.Data.Reading;
using Cleave.Formats;

namespace Cleave.Tests.Data;

public sealed class NamesTests : IDisposable
{
    private readonly DataFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("lable", "label")]
    [InlineData("txet", "text")]
    [InlineData("TEXT", "text")]
    [InlineData("macrof1", "macro-f1")]
    [InlineData("quaternion", null)]
    public void The_nearest_name_is_suggested(string name, string? expected) =>
        Assert.Equal(expected, Suggest.Nearest(name, ["text", "label", "target", "macro-f1"]));

    [Theory]
    [InlineData("", "abc", 3)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("ab", "ba", 1)]
    [InlineData("Label", "label", 0)]
    public void Edit_distances_are_those_of_the_definition(string a, string b, int expected)
    {
        Assert.Equal(expected, Suggest.Distance(a, b));
        Assert.Equal(expected, Suggest.Distance(b, a));
    }

    [Fact]
    public void A_hint_lists_the_names_where_none_is_near()
    {
        Assert.Equal("valid: text, label", Suggest.Hint("quaternion", ["text", "label"]));
        Assert.EndsWith("and 8 more", Suggest.Hint("zzz", [.. Enumerable.Range(0, 20).Select(i => $"column {i}")]));
    }

    [Fact]
    public void Templates_render_columns_and_braces()
    {
        var row = new Row("f", 1, ["title", "body", "none"], ["T", "B", null]);
        Assert.Equal("B", Template.Parse("body").Render(row));
        Assert.Equal("T: B {x}", Template.Parse("{title}: {body} {{x}}").Render(row));
        Assert.Equal("T/", Template.Parse("{title}/{none}").Render(row));
        Assert.Null(Template.Parse("{none}!").Render(row));
        Assert.Equal(["title", "body"], Template.Parse("{title} {body} {title}").Columns);
    }

    [Theory]
    [InlineData("{title")]
    [InlineData("title}")]
    [InlineData("{}")]
    [InlineData("{{no column}}")]
    public void Malformed_templates_are_refused(string template) =>
        Assert.Throws<CleaveException>(() => Template.Parse(template));

    [Fact]
    public void Patterns_match_as_a_shell_does_in_ordinal_order()
    {
        foreach (string name in new[] { "b.jsonl", "a.jsonl", "c.csv", ".hidden.jsonl", "sub/d.jsonl", "sub/deep/e.jsonl" })
            _folder.Write(name, "{}");
        string[] Expand(params string[] patterns) =>
            [.. FilePattern.Expand(patterns, _folder.Root).Select(p => Path.GetRelativePath(_folder.Root, p).Replace('\\', '/'))];
        Assert.Equal(["a.jsonl", "b.jsonl"], Expand("*.jsonl"));
        Assert.Equal(["b.jsonl", "a.jsonl"], Expand("b.jsonl", "?.jsonl"));
        Assert.Equal(["sub/d.jsonl"], Expand("s*/*.jsonl"));
        Assert.Equal(["a.jsonl", "b.jsonl", "sub/d.jsonl", "sub/deep/e.jsonl"], Expand("**/*.jsonl"));
        Assert.Equal(["sub/d.jsonl", "sub/deep/e.jsonl"], Expand("sub/**"));
        Assert.Contains("no file matches", Assert.Throws<DataFileException>(() => Expand("*.tsv")).Message);
    }

    [Fact]
    public void A_corpus_is_cut_into_documents()
    {
        _folder.Write("a.txt.gz", "one\r\nstill one\r\n\r\n \r\ntwo\r\n");
        _folder.Write("b.jsonl", "{\"body\":\"three\"}\n{\"body\":\"\"}\n{\"body\":\"four\"}\n");
        Assert.Equal(["one\nstill one", "two"], Corpus.Read(["a.txt.gz"], baseFolder: _folder.Root));
        Assert.Equal(["one", "still one", "two"], Corpus.Read(["a.txt.gz"], DocumentBoundary.Line, baseFolder: _folder.Root));
        Assert.Equal(["one\nstill one\n\n \ntwo"], Corpus.Read(["a.txt.gz"], DocumentBoundary.WholeFile, baseFolder: _folder.Root));
        Assert.Equal(["three", "four"], Corpus.Read(["*.jsonl"], column: "body", baseFolder: _folder.Root));
        Assert.Contains("did you mean 'body'?",
            Assert.Throws<DataFileException>(() => Corpus.Read(["b.jsonl"], column: "bdy", baseFolder: _folder.Root).ToList()).Message);
    }
}
