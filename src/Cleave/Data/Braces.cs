using System.Text;

namespace Cleave.Data;

/// <summary>Texts with names in braces, such as <c>{title}: {body}</c>; <c>{{</c> and <c>}}</c> are braces.</summary>
internal static class Braces
{
    /// <summary>Literal stretches and names in order; null where a brace is not closed, not opened, or empty.</summary>
    public static List<(string Text, bool IsName)>? Split(string source)
    {
        var parts = new List<(string Text, bool IsName)>();
        var literal = new StringBuilder();
        for (int i = 0; i < source.Length; i++)
        {
            char c = source[i];
            if (c is '{' or '}' && i + 1 < source.Length && source[i + 1] == c)
            {
                literal.Append(c);
                i++;
            }
            else if (c == '{')
            {
                int end = source.IndexOf('}', i);
                string name = end < 0 ? "" : source[(i + 1)..end].Trim();
                if (name.Length == 0)
                    return null;
                AddLiteral();
                parts.Add((name, true));
                i = end;
            }
            else if (c == '}')
            {
                return null;
            }
            else
            {
                literal.Append(c);
            }
        }
        AddLiteral();
        return parts;

        void AddLiteral()
        {
            if (literal.Length > 0)
                parts.Add((literal.ToString(), false));
            literal.Clear();
        }
    }
}
