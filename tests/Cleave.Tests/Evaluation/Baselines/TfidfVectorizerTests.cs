using System.Text.Json;
using Cleave.Evaluation.Baselines;

namespace Cleave.Tests.Evaluation.Baselines;

public sealed class TfidfVectorizerTests
{
    [Theory]
    [InlineData(TermKind.Words, 1, 2, "words")]
    [InlineData(TermKind.Characters, 2, 5, "characters")]
    public void Weights_are_scikit_learns(TermKind kind, int minOrder, int maxOrder, string name)
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden/Baselines/tfidf.json")));
        string[] texts = [.. golden.RootElement.GetProperty("texts").EnumerateArray().Select(t => t.GetString()!)];
        TfidfVectorizer vectorizer = TfidfVectorizer.Fit(kind, minOrder, maxOrder, texts[..golden.RootElement.GetProperty("train").GetInt32()]);
        JsonElement expected = golden.RootElement.GetProperty(name);
        Assert.Equal(expected.GetProperty("size").GetInt32(), vectorizer.Columns);
        for (int i = 0; i < texts.Length; i++)
        {
            Dictionary<int, double> actual = vectorizer.Transform(texts[i]).ToDictionary(f => f.Column, f => f.Weight);
            JsonProperty[] row = [.. expected.GetProperty("rows")[i].EnumerateObject()];
            Assert.Equal(row.Length, actual.Count);
            foreach (JsonProperty term in row)
                Assert.Equal(term.Value.GetDouble(), actual[vectorizer.Vocabulary[term.Name]], 1e-12);
        }
    }

    [Fact]
    public void A_short_word_counts_once_whole()
    {
        TfidfVectorizer vectorizer = TfidfVectorizer.Fit(TermKind.Characters, 4, 5, ["a 😀b"]);
        Assert.Equal([" a ", " 😀b "], vectorizer.Vocabulary.Keys.Order(StringComparer.Ordinal));
    }
}
