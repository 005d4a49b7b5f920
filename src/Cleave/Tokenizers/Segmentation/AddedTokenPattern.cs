namespace Cleave.Tokenizers.Segmentation;

/// <summary>Tokens that are taken wherever they occur; of several at one place the longest.</summary>
internal sealed class AddedTokenPattern(AddedTokenMatcher matcher) : TextPattern
{
    public override void Find(string text, int start, int end, List<TextMatch> matches)
    {
        ReadOnlySpan<char> part = text.AsSpan(start, end - start);
        int[]? scan = matcher.Scan(part);
        for (int done = 0; done < part.Length;)
        {
            AddedToken? token = matcher.Next(part, done, scan, out int from, out int to);
            Gap(start + done, start + from, matches);
            if (token is not null)
                matches.Add(new TextMatch(start + from, start + to, IsMatch: true));
            done = to;
        }
    }
}
