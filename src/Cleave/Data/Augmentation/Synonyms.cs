using System.Text;
using Cleave.Data.Reading;

namespace Cleave.Data.Augmentation;

/// <summary>
/// A user's own list of words that mean the same: UTF-8, a group a line, its members parted by commas; empty lines and lines that begin with # are
/// skipped. Single words are looked for, in any case; members of several words may take a word's place.
/// </summary>
public sealed class Synonyms
{
    private const int MostLineBytes = 1 << 16, MostWords = 1 << 20;
    private readonly Dictionary<string, List<string>> _others = new(StringComparer.Ordinal);

    private Synonyms() { }

    /// <exception cref="DataFileException">The file cannot be read, or a line is no group.</exception>
    public static Synonyms Load(string path)
    {
        var synonyms = new Synonyms();
        using var lines = new Utf8Lines(path, DataFile.Open(path), MostLineBytes);
        while (lines.Next(out ReadOnlySpan<byte> bytes))
        {
            string line = Encoding.UTF8.GetString(bytes).Trim();
            if (line.Length == 0 || line[0] == '#')
                continue;
            string[] group = [.. line.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Distinct(StringComparer.OrdinalIgnoreCase)];
            if (group.Length < 2)
                throw new DataFileException(path, "a line of synonyms has at least two words, parted by commas", lines.Line);
            synonyms.Add(group);
            if (synonyms._others.Count > MostWords)
                throw new DataFileException(path, $"more than {MostWords} words; leave out those that the task does not use", lines.Line);
        }
        return synonyms._others.Count > 0 ? synonyms : throw new DataFileException(path, "has no word with a synonym; write a group a line, such as: refund, reimbursement, money back");
    }

    /// <summary>What may stand in a word's place; empty for a word that is not in the file.</summary>
    public IReadOnlyList<string> Of(string word) => _others.TryGetValue(word.ToLowerInvariant(), out List<string>? others) ? others : [];

    // A word may be in several groups.
    private void Add(string[] group)
    {
        foreach (string word in group.Where(w => !w.Any(char.IsWhiteSpace)))
        {
            string key = word.ToLowerInvariant();
            if (!_others.TryGetValue(key, out List<string>? others))
                _others[key] = others = [];
            others.AddRange(group.Where(w => w != word && !others.Contains(w)));
        }
    }
}
