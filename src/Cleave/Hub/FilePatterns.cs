using System.Text;
using System.Text.RegularExpressions;

namespace Cleave.Hub;

/// <summary>
/// Patterns for paths as Hugging Face's tools take them: <c>*</c> any characters (also <c>/</c>), <c>?</c> one,
/// <c>[abc]</c> one of some, <c>[!abc]</c> one of the others; a pattern that ends in <c>/</c> means all that is in the folder.
/// </summary>
public sealed class FilePatterns(IEnumerable<string> patterns)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private readonly Regex[] _patterns = [.. patterns.Select(p => new Regex(ToRegex(p), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, Patience))];

    public bool Match(string path) => _patterns.Any(p => p.IsMatch(path));

    private static string ToRegex(string pattern)
    {
        if (pattern.EndsWith('/'))
            pattern += "*";
        var regex = new StringBuilder(@"\A");
        for (int i = 0; i < pattern.Length; i++)
        {
            int close = pattern[i] == '[' && i + 2 < pattern.Length ? pattern.IndexOf(']', i + 2) : -1;
            if (close >= 0)
            {
                string set = pattern[(i + 1)..close].Replace(@"\", @"\\", StringComparison.Ordinal).Replace("[", @"\[", StringComparison.Ordinal);
                regex.Append('[').Append(set[0] == '!' ? "^" + set[1..] : set[0] == '^' ? @"\" + set : set).Append(']');
                i = close;
            }
            else
                regex.Append(pattern[i] switch { '*' => "[\\s\\S]*", '?' => "[\\s\\S]", char c => Regex.Escape(c.ToString()) });
        }
        return regex.Append(@"\z").ToString();
    }
}
