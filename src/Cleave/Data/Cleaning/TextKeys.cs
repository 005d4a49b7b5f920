using System.Text;

namespace Cleave.Data.Cleaning;

/// <summary>Keys under which texts count as the same.</summary>
internal static class TextKeys
{
    /// <summary>Lower case, each run of white space one blank, none at the ends.</summary>
    public static string Normalise(string text)
    {
        var key = new StringBuilder(text.Length);
        bool gap = false;
        foreach (char c in text)
        {
            if (char.IsWhiteSpace(c))
            {
                gap = key.Length > 0;
                continue;
            }
            if (gap)
                key.Append(' ');
            gap = false;
            key.Append(char.ToLowerInvariant(c));
        }
        return key.ToString();
    }

    /// <summary>Normalised text and question.</summary>
    public static string Input(Example e) =>
        e.Question is null ? Normalise(e.Text) : Normalise(e.Text) + '\0' + Normalise(e.Question);

    /// <summary>What the item answers, exactly.</summary>
    public static string Output(Example e) =>
        $"{e.Label}\0{e.Target}\0{string.Join(',', e.Spans.Select(s => $"{s.Start}-{s.End}-{s.Label}"))}";

    /// <summary>Text, question and answer, exactly.</summary>
    public static string Exact(Example e) => $"{e.Text}\0{e.Question}\0{Output(e)}";
}
