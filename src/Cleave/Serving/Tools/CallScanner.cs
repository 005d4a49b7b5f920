using System.Text;
using System.Text.Json;
using Cleave.Models.Sampling.Grammars;

namespace Cleave.Serving.Tools;

/// <summary>Reads JSON objects that call functions character by character, while they are written: names once they are whole, arguments at once.</summary>
/// <param name="named">Hears the name of each call.</param>
/// <param name="said">Hears the characters of its arguments.</param>
internal sealed class CallScanner(CallForm form, Action<string> named, Action<string> said)
{
    private readonly StringBuilder _key = new(), _value = new(), _early = new(), _said = new();
    private string _member = "";
    private int _depth;
    private bool _inText, _isEscaped, _isValue, _isNamed;

    /// <summary>Whether the object, or the list of them, is over.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Takes characters up to the end of the calls.</summary>
    /// <returns>How many.</returns>
    public int Push(ReadOnlySpan<char> text)
    {
        int taken = 0;
        while (taken < text.Length && !IsOver)
            Take(text[taken++]);
        Tell();
        return taken;
    }

    private void Take(char c)
    {
        if (_depth == 0)
        {
            if (c == '{')
                Open();
            else if (c == ']')
                IsOver = true;
            return; // blanks, commas and the bracket of a list
        }
        if (_depth == 1 && !_inText && (c is ',' or '}'))
        {
            EndMember();
            if (c == '}')
                Close();
            return;
        }
        if (!_isValue && !_inText && c == ':')
        {
            (_isValue, _member) = (true, NameOf(_key));
            return;
        }
        Keep(c);
        if (_inText)
        {
            _inText = _isEscaped || c != '"';
            _isEscaped = !_isEscaped && c == '\\';
            return;
        }
        _inText = c == '"';
        _depth += c is '{' or '[' ? 1 : c is '}' or ']' ? -1 : 0;
    }

    private void Open()
    {
        _depth = 1;
        _isNamed = false;
        _early.Clear();
    }

    private void Keep(char c)
    {
        if (!_isValue)
        {
            _key.Append(c);
            return;
        }
        if (_depth == 1 && !_inText && char.IsWhiteSpace(c))
            return; // around the value
        if (_member == form.Name)
            _value.Append(c);
        else if (_member == form.Arguments)
            (_isNamed ? _said : _early).Append(c);
    }

    private void EndMember()
    {
        if (_isValue && _member == form.Name)
        {
            _isNamed = true;
            named(NameOf(_value));
            _said.Append(_early); // arguments that came before the name
        }
        _key.Clear();
        _value.Clear();
        _isValue = false;
    }

    private void Close()
    {
        Tell();
        _depth = 0;
        IsOver = !form.IsList;
    }

    private void Tell()
    {
        if (_said.Length == 0)
            return;
        said(_said.ToString());
        _said.Clear();
    }

    private static string NameOf(StringBuilder quoted)
    {
        string text = quoted.ToString().Trim();
        try
        {
            return JsonElement.Parse(text) is { ValueKind: JsonValueKind.String } name ? name.GetString()! : text;
        }
        catch (JsonException)
        {
            return text;
        }
    }
}
