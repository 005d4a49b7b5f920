using System.Text;
using Cleave.Serving.Tools;

namespace Cleave.Tests.Serving.Tools;

/// <summary>Answers parted into words and calls, however the characters come.</summary>
public sealed class ToolCallReaderTests
{
    private const string Arguments = """{"city": "a } \" {é", "deep": {"list": [1, {"x": "]"}]}}""";

    private static readonly Dictionary<string, ToolForm> Forms = new()
    {
        ["hermes"] = ToolForm.Of(CallingModel.Create(CallingModel.Hermes)),
        ["mistral"] = ToolForm.Of(CallingModel.Create(CallingModel.Mistral)),
        ["llama"] = ToolForm.Of(CallingModel.Create(CallingModel.Llama)),
    };

    public static TheoryData<string, bool, string, string, string> Answers => new()
    {
        { "hermes", false, "just words < tool_call", "just words < tool_call", "" },
        { "hermes", false, " I look.\n\n<tool_call>\n{\"name\": \"look\", \"arguments\": " + Arguments + "}\n</tool_call>", "I look.", "look" + Arguments },
        { "hermes", false, "<tool_call>{\"arguments\":{},\"name\":\"a\"}</tool_call>\n<tool_call>\n{\"name\":\"b\",\"arguments\":{ }}\n</tool_call>\nand done", "and done", "a{}|b{ }" },
        { "hermes", true, "{\"name\":\"a-b\", \"arguments\" : " + Arguments + " }", "", "a-b" + Arguments },
        { "hermes", false, "ends with <tool_ca", "ends with <tool_ca", "" },
        { "mistral", false, "[TOOL_CALLS] [{\"name\": \"a\", \"arguments\": {\"x\": 1}, \"id\": \"123456789\"}, {\"name\": \"b\", \"arguments\": {}}]", "", "a{\"x\": 1}|b{}" },
        { "mistral", true, "\n[{\"name\": \"a\", \"arguments\": {}}]", "", "a{}" },
        { "llama", false, "\n {\"name\": \"a\", \"parameters\": " + Arguments + "}", "", "a" + Arguments },
        { "llama", false, "no {\"name\": \"a\"}", "no {\"name\": \"a\"}", "" },
        { "llama", false, "", "", "" },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public void The_size_of_pieces_changes_nothing(string form, bool begun, string answer, string words, string calls)
    {
        for (int size = 1; size <= answer.Length + 1; size++)
        {
            var text = new StringBuilder();
            var heard = new List<(string Name, StringBuilder Arguments)>();
            var ids = new List<string>();
            var reader = new ToolCallReader(Forms[form], begun, piece => text.Append(piece), piece =>
            {
                if (piece.Name is not null)
                {
                    ids.Add(piece.Id!);
                    heard.Add((piece.Name, new StringBuilder()));
                }
                Assert.Equal(heard.Count - 1, piece.Index);
                heard[^1].Arguments.Append(piece.Arguments);
            });
            for (int at = 0; at < answer.Length; at += size)
                reader.Push(answer.Substring(at, Math.Min(size, answer.Length - at)));
            reader.End();
            Assert.Equal((words, words), (text.ToString(), reader.Text));
            Assert.Equal(calls, string.Join('|', heard.Select(c => c.Name + c.Arguments)));
            Assert.Equal(calls, string.Join('|', reader.Calls.Select(c => c.Name + c.Arguments)));
            Assert.Equal(ids, reader.Calls.Select(c => c.Id));
            Assert.All(ids, id => Assert.Matches("^[A-Za-z0-9]{9}$", id));
            Assert.Equal(ids.Distinct(), ids);
        }
    }

    [Fact]
    public void Arguments_are_told_while_they_are_written()
    {
        var heard = new List<string>();
        var reader = new ToolCallReader(Forms["hermes"], begun: true, _ => { }, piece => heard.Add(piece.Name ?? piece.Arguments));
        foreach (string piece in (string[])["{\"name\": \"lo", "ok\", \"arguments\": {\"ci", "ty\": \"x\"", "}}"])
            reader.Push(piece);
        Assert.Equal(["look", "{\"ci", "ty\": \"x\"", "}"], heard);
    }
}
