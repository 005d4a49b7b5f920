using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cleave.Evaluation.Energy;
using Cleave.Formats.Html;
using Cleave.Numerics;
using Cleave.Splitting.Report;

namespace Cleave.Tests.Splitting.Report;

public partial class HtmlReportTests
{
    [Fact]
    public void The_same_model_gives_the_same_bytes()
    {
        Assert.Equal(Bytes(ReportFixture.Realistic()), Bytes(ReportFixture.Realistic()));
    }

    [Fact]
    public void The_stream_stays_open()
    {
        using var stream = new MemoryStream();
        HtmlReport.Render(ReportFixture.Realistic(), stream);
        Assert.True(stream.CanWrite);
        Assert.True(stream.Length > 100_000);
    }

    [Fact]
    public void The_first_screen_says_the_verdict_and_the_totals()
    {
        string page = System.Net.WebUtility.HtmlDecode(Page(ReportFixture.Realistic()));
        Assert.Contains("3 of 4 modules certified; together 2.8× smaller and 9.0× faster than the monolith.", page, StringComparison.Ordinal);
        Assert.Contains("48.2 MB → 16.9 MB", page, StringComparison.Ordinal);
        Assert.Contains("A bag of words beats the module of slots", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(6.13, 9.04, true, "1 of 1 module certified; 6.1× smaller and 9.0× faster than the monolith.")]
    [InlineData(0.5, 1.0, false, "0 of 1 module certified; 2.0× larger and the same speed as the monolith.")]
    [InlineData(31.4, 0.25, true, "1 of 1 module certified; 31× smaller and 4.0× slower than the monolith.")]
    public void The_verdict_sentence_follows_the_numbers(double size, double speed, bool passed, string expected)
    {
        ReportTask task = ReportFixture.Bare("only");
        ReportModel model = ReportFixture.Of(task with { Certificate = task.Certificate with { Passed = passed } }) with
        {
            Totals = new ReportTotals((long)(size * 1e6), 1_000_000, speed),
        };
        Assert.Equal(expected, Verdict.Headline(model));
    }

    [Fact]
    public void Every_task_has_its_section_with_all_parts()
    {
        string page = Page(ReportFixture.Realistic());
        Assert.Equal(4, Count(page, "<section class=\"task\" id=\"task-"));
        foreach (string chart in new[] { "pareto", "history", "curves" })
            Assert.Equal(4, Count(page, $"data-chart=\"{chart}\""));
        Assert.Equal(2, Count(page, "data-chart=\"confusion\""));
        Assert.Equal(2, Count(page, "data-chart=\"reliability\""));
        Assert.Equal(3, Count(page, "data-chart=\"counts\""));
        Assert.Equal(1, Count(page, "Scores for each label</h3>"));
        Assert.Contains("cleave split samples/support-desk --seed 7", page, StringComparison.Ordinal);
        Assert.Contains(new string('c', 64), page, StringComparison.Ordinal);
    }

    [Fact]
    public void Headings_never_skip_a_level_and_names_are_unique()
    {
        string page = Markup(ReportFixture.Realistic());
        int last = 0;
        foreach (Match heading in Heading().Matches(page))
        {
            int level = heading.Groups[1].Value[0] - '0';
            Assert.InRange(level, 1, last + 1);
            last = level;
        }
        string[] names = [.. Name().Matches(page).Select(m => m.Groups[1].Value)];
        Assert.Equal(names.Length, names.Distinct(StringComparer.Ordinal).Count());
        foreach (Match link in Regex.Matches(page, "href=\"#([^\"]+)\""))
            Assert.Contains(link.Groups[1].Value, names);
    }

    [Fact]
    public void Nothing_is_fetched()
    {
        string page = Markup(ReportFixture.Realistic());
        Assert.DoesNotMatch("(?i)(src|href|action|srcset|poster|data)\\s*=\\s*[\"']?\\s*(https?:)?//", page);
        Assert.DoesNotMatch("(?i)<(link|iframe|object|embed|img|base|form)\\b", page);
        Assert.DoesNotMatch("(?i)@import|url\\(", page);
        string whole = Page(ReportFixture.Realistic());
        Assert.DoesNotMatch("XMLHttpRequest|\\bfetch\\(|sendBeacon|WebSocket|importScripts|\\beval\\(|new Function", whole);
        Assert.Contains("default-src &#39;none&#39;", whole, StringComparison.Ordinal);
    }

    [Fact]
    public void The_policy_names_the_hash_of_the_script_that_is_there()
    {
        string page = Page(ReportFixture.Realistic());
        int from = page.LastIndexOf("<script>", StringComparison.Ordinal) + "<script>".Length;
        string script = page[from..page.LastIndexOf("</script>", StringComparison.Ordinal)];
        string hash = Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(script)));
        Assert.Contains(System.Net.WebUtility.HtmlEncode($"sha256-{hash}"), page, StringComparison.Ordinal);
    }

    [Fact]
    public void Hostile_text_stays_text()
    {
        string page = Page(Hostile());
        Assert.DoesNotContain("<script>alert", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<img", page, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(2, Count(page, "</script"));
        Assert.Equal(2, Count(page, "<script"));
        Assert.Contains("&lt;script&gt;alert(1)&lt;/script&gt;", page, StringComparison.Ordinal);
        Assert.DoesNotContain('\u2028', Data(page));
        using JsonDocument data = JsonDocument.Parse(Data(page));
        Assert.Equal(HostileText, data.RootElement[0].GetProperty("module").GetProperty("labels")[0].GetString());
    }

    [Fact]
    public void Text_of_any_script_survives()
    {
        ReportTask task = ReportFixture.Classify("intent", 2, 3, true) with
        {
            Examples = [new ReportExample("où est ma carte ? 日本語 🙂 \ud800", "é", "é", true, "", false)],
        };
        string page = System.Net.WebUtility.HtmlDecode(Page(ReportFixture.Of(task)));
        Assert.Contains("où est ma carte ? 日本語 🙂 \ufffd", page, StringComparison.Ordinal);
        Assert.Contains("(nothing)", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_least_a_task_can_have_still_makes_a_page()
    {
        string page = Page(ReportFixture.Of(ReportFixture.Bare("bare")) with { Files = [], Warnings = [] });
        Assert.Contains("1 of 1 module certified", page, StringComparison.Ordinal);
        Assert.DoesNotContain("data-chart=", Between(page, "<main", "</main>"), StringComparison.Ordinal);
        Assert.DoesNotContain("Before you rely on this", page, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", Markup(ReportFixture.Of(ReportFixture.Bare("bare"))), StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_that_are_not_finite_become_nothing()
    {
        ReportTask task = ReportFixture.Classify("intent", 3, 4, true);
        task = task with
        {
            Monolith = task.Monolith with { StudyQuality = double.NaN },
            Module = task.Module with { Quality = new Estimate(double.NaN, null, null) },
            Curves = [new LearningCurve("module", CurveRole.Module, "epoch", [new CurvePoint(1, double.PositiveInfinity, 0.5)])],
        };
        string page = Page(ReportFixture.Of(task));
        using JsonDocument data = JsonDocument.Parse(Data(page));
        Assert.Equal(JsonValueKind.Null, data.RootElement[0].GetProperty("monolithQuality").ValueKind);
        Assert.Equal("[1,null,0.5]", data.RootElement[0].GetProperty("curves")[0].GetProperty("points")[0].GetRawText());
        Assert.DoesNotContain("NaN", Between(page, "<body>", "<script type"), StringComparison.Ordinal);
    }

    [Fact]
    public void Confusions_are_stored_without_their_zeros_and_trials_all_shown()
    {
        string page = Page(ReportFixture.Of(ReportFixture.Classify("intent", 77, 200, true)));
        using JsonDocument data = JsonDocument.Parse(Data(page));
        JsonElement cells = data.RootElement[0].GetProperty("module").GetProperty("cells");
        Assert.InRange(cells.GetArrayLength(), 77, 1000);
        Assert.All(cells.EnumerateArray(), c => Assert.NotEqual(0, c[2].GetInt32()));
        Assert.Equal(200, data.RootElement[0].GetProperty("trials").GetArrayLength());
        Assert.Equal(200, Count(Between(page, "Every trial as a table", "</details>"), "<tr class"));
    }

    [Fact]
    public void The_commonest_mix_ups_come_from_the_matrix()
    {
        ReportTask task = ReportFixture.Bare("t");
        var confusion = new Confusion(["a", "b", "c"], [[5, 0, 2], [0, 9, 0], [7, 1, 4]]);
        task = task with { Module = task.Module with { Confusion = confusion } };
        string table = Between(Page(ReportFixture.Of(task)), "Commonest mix-ups", "</table>");
        string[] rows = [.. Regex.Matches(table, "<td>(.)</td><td>(.)</td><td class=\"number\">(\\d)").Select(m => $"{m.Groups[1]}{m.Groups[2]}{m.Groups[3]}")];
        Assert.Equal(["ca7", "ac2", "cb1"], rows);
    }

    [Fact]
    public void A_failed_certificate_says_so_in_plain_words()
    {
        string words = Verdict.InPlainWords(ReportFixture.Extract("slots"));
        Assert.Contains("3.9 points worse", words, StringComparison.Ordinal);
        Assert.Contains("at most 5.2 points worse", words, StringComparison.Ordinal);
        Assert.Contains("does not get a certificate", words, StringComparison.Ordinal);
    }

    [Fact]
    public void A_metric_where_less_is_better_is_written_as_a_number()
    {
        ReportTask task = ReportFixture.LanguageModel("reply");
        Assert.Contains("0.07 worse", Verdict.InPlainWords(task), StringComparison.Ordinal);
        Assert.Contains("perplexity, less is better", Page(ReportFixture.Of(task)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_matrix_that_is_not_square_and_an_empty_model_are_the_callers_mistakes()
    {
        ReportTask task = ReportFixture.Bare("t");
        task = task with { Module = task.Module with { Confusion = new Confusion(["a", "b"], [[1, 0]]) } };
        Assert.Throws<ArgumentException>(() => HtmlReport.Render(ReportFixture.Of(task), Stream.Null));
        Assert.Throws<ArgumentException>(() => HtmlReport.Render(ReportFixture.Of(task) with { Tasks = [] }, Stream.Null));
    }

    [Fact]
    public void Energy_is_shown_with_how_it_was_found_where_it_was_counted()
    {
        ReportTask task = ReportFixture.Classify("intent", 3, 12, passed: true);
        Assert.DoesNotContain("nergy", Markup(ReportFixture.Of(task)), StringComparison.Ordinal);
        var big = new EnergyUse(0.3, 0.1, false, 0.03);
        task = task with
        {
            Energy = "4.1 kJ measured, 0.00034 EUR",
            Monolith = task.Monolith with { EnergyPerItem = big },
            Module = task.Module with { EnergyPerItem = big.Each(10) },
            Study = task.Study! with { Trials = [.. task.Study!.Trials.Select((t, i) => t with { Energy = i == 0 ? new EnergyUse(70, 0, true, 5) : null })] },
        };
        string page = System.Net.WebUtility.HtmlDecode(Markup(ReportFixture.Of(task) with { Energy = new EnergyUse(7.2e6, 0, true, 3600), Prices = new PriceTable(0.3, 0.04, "EUR") }));
        foreach (string shown in new[] { "300 mJ estimated ± 100 mJ", "30 mJ estimated ± 10 mJ", "10× less", "4.1 kJ measured, 0.00034 EUR", "70 J measured", "7.2 MJ measured", "0.64 EUR", "1.00 core hours" })
            Assert.Contains(shown, page, StringComparison.Ordinal);
    }

    internal const string HostileText = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028\"'&amp;{b}<!--";

    internal static ReportModel Hostile()
    {
        const string h = HostileText;
        ReportTask task = ReportFixture.Classify("intent", 3, 12, true);
        var confusion = new Confusion([h, "__proto__", "constructor"], [[3, 1, 0], [0, 2, 1], [1, 0, 4]]);
        return ReportFixture.Of(task with
        {
            Name = h,
            Kind = h,
            Metric = h,
            Certificate = task.Certificate with { Sentence = h, Method = h },
            Recipe = [new NamedValue(h, h)],
            Module = task.Module with { Confusion = confusion, Labels = [new LabelScore(h, 1, 1, 1, 1)] },
            Monolith = task.Monolith with { Confusion = confusion },
            Baselines = [new ReportBaseline(h, new Estimate(0.5))],
            Curves = [new LearningCurve(h, CurveRole.Module, h, [new CurvePoint(1, 1, 0.5), new CurvePoint(2, 0.5, 0.6)])],
            Study = ReportFixture.Study(new Rng(1), 12) is var s ? s with { Sampler = h, Trials = [.. s.Trials.Select(t => t with { Note = h, Recipe = [new NamedValue(h, h)] })] } : null,
            Cleaning = new ReportCleaning(1, 0, 0, 0, 0, [new LabelCount(h, 1), new LabelCount("__proto__", 2)]),
            Examples = [new ReportExample(h, h, h, true, h, false)],
        }) with
        { Project = h, Base = h, Command = h, ManifestHash = h, Warnings = [h], Files = [new ReportFile(h, h, 1)], Machine = new ReportMachine(h, 1, 1, TimeSpan.Zero) };
    }

    internal static byte[] Bytes(ReportModel model)
    {
        using var stream = new MemoryStream();
        HtmlReport.Render(model, stream);
        return stream.ToArray();
    }

    internal static string Page(ReportModel model) => Encoding.UTF8.GetString(Bytes(model));

    /// <summary>The page without its scripts.</summary>
    private static string Markup(ReportModel model) => Regex.Replace(Page(model), "<script[^>]*>.*?</script>", "", RegexOptions.Singleline);

    private static string Data(string page) => Between(page, "<script type=\"application/json\" id=\"data\">", "</script>");

    private static string Between(string text, string start, string end)
    {
        int from = text.IndexOf(start, StringComparison.Ordinal);
        Assert.True(from >= 0, $"the page lacks {start}");
        from += start.Length;
        return text[from..text.IndexOf(end, from, StringComparison.Ordinal)];
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    [GeneratedRegex("<h([1-6])")]
    private static partial Regex Heading();

    [GeneratedRegex(" id=\"([^\"]+)\"")]
    private static partial Regex Name();
}
