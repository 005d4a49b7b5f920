using System.Text.Json;
using System.Text.RegularExpressions;
using Cleave.Splitting.Report;

namespace Cleave.Tests.Splitting.Report;

[Trait("Kernels", "unused")]
public class HtmlReportBrowserTests
{
    /// <summary>Every odd case on one page.</summary>
    private static ReportTask[] Odd()
    {
        ReportTask one = ReportFixture.Classify("one label", 1, 1, true), few = ReportFixture.Classify("few", 7, 24, false);
        return
        [
            HtmlReportTests.Hostile().Tasks[0], ReportFixture.Bare("bare"), one,
            few with
            {
                Name = "no costs, mixed units",
                Study = few.Study! with { History = [], Trials = [.. few.Study!.Trials.Select(t => t with { NanosecondsPerItem = null, OnFront = false, Chosen = false })] },
                Monolith = few.Monolith with { StudyQuality = null, Confusion = null },
                Curves =
                [
                    new LearningCurve("epochs", CurveRole.Module, "epoch", [new CurvePoint(1, 0.5, null)]),
                    new LearningCurve("steps", CurveRole.Monolith, "step", [new CurvePoint(100, null, 0.5), new CurvePoint(200, null, 0.6)]),
                ],
            },
            few with
            {
                Name = "nothing finished",
                Study = few.Study! with { History = [], Trials = [.. few.Study!.Trials.Select(t => t with { State = ReportTrialState.Stopped, OnFront = false, Chosen = false })] },
            },
        ];
    }

    [BrowserFact]
    public void Every_chart_draws_and_nothing_is_logged()
    {
        string page = HtmlReportTests.Page(ReportFixture.Of([.. ReportFixture.Realistic().Tasks, .. Odd()]));
        (string dom, string[] console) = Browser.Open(page, 1280, "--blink-settings=preferredColorScheme=0");
        Assert.Empty(console);
        Assert.Contains("data-theme=\"dark\"", dom, StringComparison.Ordinal);
        string[] charts = dom.Split(" data-chart=\"")[1..];
        Assert.Equal(Regex.Count(page, " data-chart=\"[a-z]+\" data-task"), charts.Length);
        Assert.All(charts, c => Assert.Matches("^[a-z]+\"[^>]*>\\s*<div[^>]*><svg", c));
        Assert.All(charts, c => Assert.True(Regex.Count(c[..c.IndexOf("</svg>", StringComparison.Ordinal)], "<path") > 2, $"an empty chart: {c[..60]}"));
    }

    [BrowserFact]
    public void Tooltips_switches_and_the_theme_button_work_and_a_narrow_page_does_not_overflow()
    {
        string page = Regex.Replace(HtmlReportTests.Page(ReportFixture.Of(Odd())), "script-src &#39;sha256-[^;]*;?[^;]*;", "script-src 'unsafe-inline';");
        (string dom, string[] console) = Browser.Open(page.Replace("</body>", $"<script>{Probe}</script></body>", StringComparison.Ordinal), 500);
        Assert.Empty(console);
        Match found = Regex.Match(dom, "<pre id=\"probe\">(.*?)</pre>", RegexOptions.Singleline);
        Assert.True(found.Success, "the probe did not finish");
        using JsonDocument probe = JsonDocument.Parse(System.Net.WebUtility.HtmlDecode(found.Groups[1].Value));
        JsonElement result = probe.RootElement;
        Assert.Equal(["light", "dark", "light"], result.GetProperty("themes").EnumerateArray().Select(t => t.GetString()));
        Assert.Equal("bytes", result.GetProperty("switched").GetString());
        Assert.True(result.GetProperty("axisBefore").GetString() != result.GetProperty("axisAfter").GetString());
        Assert.True(result.GetProperty("tips").GetInt32() > 100);
        Assert.Equal("[]", result.GetProperty("silent").GetRawText());
        Assert.True(result.GetProperty("hostileTip").GetBoolean());
        Assert.False(result.GetProperty("injected").GetBoolean());
        Assert.Equal("[]", result.GetProperty("overflow").GetRawText());
        Assert.InRange(result.GetProperty("smallest").GetDouble(), 12, 16);
    }

    /// <summary>Does what a reader does: hovers over every point, presses every button, and measures the text.</summary>
    private const string Probe = """
        const result = { themes: [], tips: 0, silent: [], hostileTip: false };
        const theme = document.getElementById('theme');
        result.themes.push(document.documentElement.dataset.theme);
        for (let i = 0; i < 2; i++) {
          theme.click();
          result.themes.push(document.documentElement.dataset.theme);
        }
        const hover = place => {
          const chart = echarts.getInstanceByDom(place);
          chart.getOption().series.forEach((series, seriesIndex) => {
            if (series.silent || series.tooltip?.show === false)
              return;
            const step = Math.max(1, Math.floor(series.data.length / 4));
            for (let dataIndex = 0; dataIndex < series.data.length; dataIndex += step) {
              chart.dispatchAction({ type: 'showTip', seriesIndex, dataIndex });
              const tip = place.querySelector('.tip');
              if (!tip || tip.textContent.includes('undefined') || tip.textContent.includes('NaN'))
                result.silent.push([place.dataset.chart, place.dataset.task, seriesIndex, dataIndex, tip?.textContent]);
              result.tips++;
              result.hostileTip ||= tip?.textContent.includes('<script>alert(1)') ?? false;
              tip?.remove();
            }
          });
        };
        const places = [...document.querySelectorAll('[data-chart]')];
        const axis = () => document.querySelector('[data-chart=pareto] svg').textContent;
        places.forEach(hover);
        result.axisBefore = axis();
        document.querySelectorAll('[data-set]:not([aria-pressed=true])').forEach(b => b.click());
        result.switched = document.querySelector('[data-chart=pareto]').dataset.cost;
        result.axisAfter = axis();
        places.forEach(hover);
        result.injected = document.querySelector('img, script:not([id=data]) ~ script ~ script') !== null;
        result.overflow = document.documentElement.scrollWidth <= innerWidth ? []
          : [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth && !e.closest('.scroll, .links, .chart'))
            .map(e => `${e.tagName} ${e.className} ${e.textContent.slice(0, 40)}`);
        result.smallest = 99;
        const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
          const parent = texts.currentNode.parentElement;
          if (texts.currentNode.data.trim() && !parent.closest('script'))
            result.smallest = Math.min(result.smallest, parseFloat(getComputedStyle(parent).fontSize));
        }
        const pre = document.createElement('pre');
        pre.id = 'probe';
        pre.textContent = JSON.stringify(result);
        document.body.append(pre);
        """;
}
