using System.Diagnostics;
using System.Text.Json;
using Cleave.Tests.Formats.Durable;
using static Cleave.Tests.Cli.CleaveProcess;

namespace Cleave.Tests.Cli;

/// <summary><c>cleave tune</c> with commands that behave and that do not.</summary>
[Trait("Kernels", "unused")]
public sealed class TuneProcessTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // value = (x - 3)^2, and a line in calls for each trial that was answered.
    private const string Square = """
        while read -r line; do
          n=$(echo "$line" | sed 's/.*"trial":\([0-9]*\).*/\1/'); x=$(echo "$line" | sed 's/.*"x":\([-0-9.eE]*\).*/\1/')
          __BODY__
          echo "$n" >> calls
          awk -v x="$x" 'BEGIN { printf "{\"value\": %.9f}\n", (x - 3) * (x - 3) }'
        done
        """;

    private string Study(string body, string more = "", int trials = 12)
    {
        File.WriteAllText(_folder.File("objective.sh"), Square.Replace("__BODY__", body.Length > 0 ? body : ":", StringComparison.Ordinal));
        string path = _folder.File("study.yaml");
        File.WriteAllText(path, $$"""
            name: square
            direction: minimize
            trials: {{trials}}
            objective: {command: sh objective.sh, protocol: lines, timeout: 3s}
            space:
              x: {type: float, low: -10, high: 10}
            {{more}}
            """);
        return path;
    }

    private static async Task<JsonElement> Tune(int expected, params string[] args)
    {
        (int exit, string output, string error) = await Run(["tune", .. args, "--json", "--quiet"]);
        Assert.True(exit == expected, $"{exit}: {error}");
        return JsonDocument.Parse(output).RootElement.Clone();
    }

    [UnixFact]
    public async Task The_answer_is_the_contracts_and_the_page_is_there()
    {
        JsonElement answer = await Tune(0, Study("", trials: 30));
        Assert.InRange(answer.GetProperty("best").GetProperty("value").GetDouble(), 0, 0.01);
        Assert.InRange(answer.GetProperty("best").GetProperty("params").GetProperty("x").GetDouble(), 2.9, 3.1);
        Assert.Equal((30, "auto", 30), (answer.GetProperty("trials").GetInt32(), answer.GetProperty("sampler").GetString(), answer.GetProperty("history").GetArrayLength()));
        Assert.True(answer.GetProperty("ms_per_trial").GetDouble() > 0);
        Assert.Contains("Optimization history", File.ReadAllText(answer.GetProperty("report").GetString()!), StringComparison.Ordinal);
        (int exit, _, string error) = await Run("tune", _folder.File("study.yaml"));
        Assert.Equal(2, exit);
        Assert.Contains("--resume", error, StringComparison.Ordinal);
    }

    [UnixFact]
    public async Task Commands_that_die_talk_nonsense_hang_or_fork_cost_their_trials_only()
    {
        const string Bad = """
            case $n in
              1) exit 3;;
              3) echo 'Epoch 1 of 5'; continue;;
              5) echo '{"value": NaN}'; continue;;
              7) sleep 600 & sleep 600;;
              9) (sleep 600 &) ; exit 4;;
            esac
            """;
        var clock = Stopwatch.StartNew();
        JsonElement answer = await Tune(0, Study(Bad), "--workers", "2");
        Assert.Equal((12, 5, 7), (answer.GetProperty("trials").GetInt32(), answer.GetProperty("failed").GetInt32(), answer.GetProperty("complete").GetInt32()));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(150), $"{clock.Elapsed}");
    }

    [UnixFact]
    public async Task A_study_that_is_killed_goes_on_without_losing_or_repeating_a_trial()
    {
        string path = Study("sleep 0.05", trials: 25);
        for (int kill = 0; kill < 3; kill++)
        {
            using Process process = Start("tune", path, "--resume", "--quiet");
            int before = Calls().Length;
            while (!process.HasExited && Calls().Length < before + 3)
                await Task.Delay(20);
            process.Kill(); // SIGKILL
            await Exit(process);
        }
        JsonElement answer = await Tune(0, path, "--resume");
        Assert.Equal((25, 25), (answer.GetProperty("trials").GetInt32(), answer.GetProperty("complete").GetInt32()));
        // A trial that was answered but not yet recorded when the process died is asked again: at most one a kill.
        Assert.Equal(25, Calls().Distinct().Count());
        Assert.InRange(Calls().Length, 25, 28);
    }

    [UnixFact]
    public async Task Trials_are_stopped_whether_or_not_the_command_says_a_last_word()
    {
        foreach (string after in new[] { "continue", "echo '{\"value\": 1e9}'; continue", "sleep 0.5; echo '{\"value\": 1e9}'; continue" })
        {
            string steps = "bad=0; for s in 0 1 2; do awk -v x=\"$x\" -v s=$s 'BEGIN { printf \"{\\\"step\\\": %d, \\\"value\\\": %.6f}\\n\", s, (x - 3) * (x - 3) }'; "
                + "read -r reply; case $reply in *true*) bad=1; break;; esac; done; if [ $bad = 1 ]; then " + after + "; fi";
            JsonElement answer = await Tune(0, Study(steps, "stopping: {rule: median, startup: 3}\nsampler: sobol", 20), "--force");
            Assert.InRange(answer.GetProperty("stopped").GetInt32(), 3, 17);
            Assert.Equal(20, answer.GetProperty("complete").GetInt32() + answer.GetProperty("stopped").GetInt32());
            // The last word of a stopped trial, however late, is no other trial's.
            Assert.All(answer.GetProperty("history").EnumerateArray().Where(v => v.ValueKind == JsonValueKind.Number), v => Assert.InRange(v.GetDouble(), 0, 169));
        }
    }

    [UnixFact]
    public async Task A_command_that_never_works_and_a_file_with_mistakes_say_so()
    {
        (int exit, _, string error) = await Run("tune", Study("exit 7", trials: 100));
        Assert.Equal(2, exit);
        Assert.Contains("none has succeeded: the command ended with status 7", error, StringComparison.Ordinal);
        File.WriteAllText(_folder.File("bad.yaml"), "name: x\ntrails: 5\nsampler: tpo\nobjective: {protocol: lines}\nspace: {x: {type: floot}}\n");
        (exit, _, error) = await Run("tune", _folder.File("bad.yaml"));
        Assert.Equal(2, exit);
        foreach (string part in new[] { "unknown key 'trails'", "'sampler' cannot be 'tpo'", "'objective.command' is missing", "'x' has the type 'floot'" })
            Assert.Contains(part, error, StringComparison.Ordinal);
    }

    [UnixFact]
    public async Task An_interrupted_study_says_how_to_go_on_and_goes_on_as_if_it_had_not_been()
    {
        string path = Study("sleep 0.1", trials: 12);
        using Process process = Start("tune", path, "--quiet");
        while (!process.HasExited && Calls().Length < 3)
            await Task.Delay(20);
        Signal(process, "TERM");
        Assert.Equal(130, await Exit(process));
        Assert.Equal("cleave: interrupted; the same command with --resume continues\n", process.StandardError.ReadToEnd());
        Assert.InRange(Calls().Length, 3, 11);
        JsonElement answer = await Tune(0, path, "--resume"), whole = await Tune(0, path, "--out", _folder.File("whole"));
        Assert.Equal(whole.GetProperty("history").GetRawText(), answer.GetProperty("history").GetRawText());
    }

    [UnixFact]
    public async Task A_command_that_ignores_its_end_and_hangs_does_not_keep_an_interrupted_study()
    {
        string path = Study("trap '' TERM INT HUP; sleep 600");
        using Process process = Start("tune", path, "--quiet");
        while (!process.HasExited && !File.Exists(Path.Combine(_folder.Path, "square.study", "square.journal")))
            await Task.Delay(20);
        await Task.Delay(500);
        var clock = Stopwatch.StartNew();
        Signal(process, "TERM");
        Assert.Equal(130, await Exit(process));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"{clock.Elapsed}");
    }

    [UnixFact]
    public async Task A_study_is_not_started_over_while_it_runs_and_a_launched_one_is_continued_where_it_lies()
    {
        string path = Study("sleep 0.1", trials: 8);
        using (Process process = Start("tune", path, "--quiet"))
        {
            while (!process.HasExited && Calls().Length < 2)
                await Task.Delay(20);
            Signal(process, "STOP");
            (int exit, _, string error) = await Run("tune", path, "--force");
            Assert.Equal(2, exit);
            Assert.Contains($"in use by process {process.Id}", error, StringComparison.Ordinal);
            Signal(process, "CONT");
            Assert.Equal(0, await Exit(process));
        }
        JsonElement whole = await Tune(0, path, "--resume");
        Assert.Equal(8, whole.GetProperty("complete").GetInt32());
        Assert.Equal(8, Calls().Length);
        await Tune(0, path, "--launch", "local:1", "--out", _folder.File("launched"));
        Assert.Equal(2, (await Run("tune", path, "--out", _folder.File("launched"))).Exit);
        JsonElement longer = await Tune(0, path, "--out", _folder.File("launched"), "--resume", "--trials", "10");
        Assert.Equal(10, longer.GetProperty("complete").GetInt32());
        Assert.Equal(18, Calls().Length);
    }

    /// <summary>A study of two objectives from the command to its front in a browser.</summary>
    [Splitting.Report.BrowserFact]
    public async Task Several_objectives_have_a_front_in_the_answer_and_on_the_page()
    {
        string path = Study("awk -v x=\"$x\" 'BEGIN { printf \"{\\\"values\\\": [%.9f, %.9f]}\\n\", x * x, (x - 2) * (x - 2) }'; continue", trials: 40);
        File.WriteAllText(path, File.ReadAllText(path).Replace("direction: minimize", "directions: [minimize, minimize]", StringComparison.Ordinal));
        JsonElement answer = await Tune(0, path);
        Assert.Equal(JsonValueKind.Null, answer.GetProperty("best").ValueKind);
        double[][] front = [.. answer.GetProperty("front").EnumerateArray().Select(t => t.GetProperty("values").EnumerateArray().Select(v => v.GetDouble()).ToArray())];
        Assert.True(front.Length >= 5, $"{front.Length}");
        Assert.All(front, a => Assert.DoesNotContain(front, b => b[0] <= a[0] && b[1] <= a[1] && (b[0] < a[0] || b[1] < a[1])));
        // All that lies between the two minima is best in some sense, and nothing outside.
        Assert.All(answer.GetProperty("front").EnumerateArray(), t => Assert.InRange(t.GetProperty("params").GetProperty("x").GetDouble(), -0.5, 2.5));
        (string dom, string[] console) = Splitting.Report.Browser.Open(File.ReadAllText(answer.GetProperty("report").GetString()!), 1280);
        Assert.Empty(console);
        Assert.Contains("Pareto front", dom, StringComparison.Ordinal);
        Assert.Contains($"<b>{front.Length}</b>", dom, StringComparison.Ordinal);
        string chart = dom[dom.IndexOf("data-chart=\"pareto\"", StringComparison.Ordinal)..];
        chart = chart[..chart.IndexOf("</section>", StringComparison.Ordinal)];
        Assert.Contains("<svg", chart, StringComparison.Ordinal);
        Assert.True(System.Text.RegularExpressions.Regex.Count(chart, "<path") > front.Length, "the front is drawn");
        (_, string text, _) = await Run("tune", path, "--resume", "--quiet");
        Assert.Equal(front.Length, text.Split('\n').Count(l => l.Length > 0 && char.IsAsciiDigit(l.TrimStart()[0])));
    }

    /// <summary>The study in docs/tuning.md as it stands there.</summary>
    [UnixFact]
    public async Task The_documented_study_runs()
    {
        string[] page = File.ReadAllLines(Path.Combine(Shared.Repository, "docs", "tuning.md"));
        string Block(string language) => string.Join('\n', page.SkipWhile(l => l != "```" + language).Skip(1).TakeWhile(l => l != "```"));
        File.WriteAllText(_folder.File("branin.yaml"), Block("yaml"));
        File.WriteAllText(_folder.File("branin.py"), Block("python"));
        JsonElement answer = await Tune(0, _folder.File("branin.yaml"));
        Assert.InRange(answer.GetProperty("best").GetProperty("value").GetDouble(), 0.3978, 0.41);
    }

    private string[] Calls() => File.Exists(_folder.File("calls")) ? File.ReadAllLines(_folder.File("calls")) : [];
}
