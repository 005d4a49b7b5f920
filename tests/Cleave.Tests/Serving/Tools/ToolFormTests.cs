using Cleave.Models;
using Cleave.Serving;
using Cleave.Serving.Tools;

namespace Cleave.Tests.Serving.Tools;

/// <summary>A template's form of calls is found by letting it write some.</summary>
public sealed class ToolFormTests
{
    private static ToolForm Form(string template) => ToolForm.Of(CallingModel.Create(template));

    [Fact]
    public void Objects_between_markers()
    {
        ToolForm form = Form(CallingModel.Hermes);
        Assert.Equal(("\n<tool_call>\n", "<tool_call>", "</tool_call>", false), (form.Opening, form.Marker, form.Closing, form.IsSingle));
        Assert.Equal(["name", "arguments"], form.Call.Members);
        Assert.Equal(("name", "arguments", false), (form.Call.Name, form.Call.Arguments, form.Call.IsList));
    }

    [Fact]
    public void A_list_behind_one_marker()
    {
        ToolForm form = Form(CallingModel.Mistral);
        Assert.Equal(("[TOOL_CALLS] ", "[TOOL_CALLS]", "", false, true), (form.Opening, form.Marker, form.Closing, form.IsSingle, form.Call.IsList));
        Assert.Equal(["name", "arguments", "id"], form.Call.Members);
        Assert.Equal('[', form.First);
    }

    [Fact]
    public void A_bare_object()
    {
        ToolForm form = Form(CallingModel.Llama);
        Assert.Equal(("", "", true, false), (form.Opening, form.Marker, form.IsSingle, form.Call.IsList));
        Assert.Equal(("name", "parameters", '{'), (form.Call.Name, form.Call.Arguments, form.First));
    }

    [Fact]
    public void What_stands_only_before_the_first_call_is_no_marker()
    {
        ToolForm form = Form(CallingModel.Thinking);
        Assert.Equal(("<think></think>\n<use>", "<use>", "</use>", false), (form.Opening, form.Marker, form.Closing, form.IsSingle));
    }

    [Theory]
    [InlineData("none", "the model has no chat template")]
    [InlineData("without", "the model's chat template has no tools")]
    [InlineData("pythonic", "in a form that is not JSON with a name and arguments")]
    [InlineData("refusing", "does not write calls of tools: not today")]
    public void A_model_without_such_a_form_is_refused_with_the_reason(string kind, string reason)
    {
        LanguageModel model = CallingModel.Create(kind switch
        {
            "pythonic" => CallingModel.Pythonic,
            "refusing" => "{{ tools | tojson }}{% for m in messages %}{% if m.tool_calls %}{{ raise_exception('not today') }}{% endif %}{% endfor %}",
            _ => CallingModel.WithoutTools,
        });
        if (kind == "none")
            model = model with { Chat = null };
        RequestException refused = Assert.Throws<RequestException>(() => ToolForm.Of(model));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.Equal(("tools", "unsupported_value"), (refused.Parameter, refused.Code));
    }
}
