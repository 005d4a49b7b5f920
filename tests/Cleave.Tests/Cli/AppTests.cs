using System.CommandLine;
using Cleave.Cli.Commands;
using Cleave.Cli.Shell;

namespace Cleave.Tests.Cli;

public sealed class AppTests
{
    private static readonly Argument<string> Path = new("PATH") { Description = "A file." };
    private static readonly Option<int> Count = new("--count") { Description = "How many." };

    private static Verb Sample(Func<Call, int> run)
    {
        var verb = new Verb("sample", "Does a thing. And more.") { Path, Count, SharedOptions.Json, SharedOptions.Resume };
        return verb.Example("cleave sample a.txt --count 3", "three of them").Runs(run);
    }

    private static CommandLine Failing(Exception e, params string[] args) =>
        CommandLine.RunVerb(Sample(_ => throw e), CancellationToken.None, ["x", .. args]);

    [Fact]
    public void Bare_call_and_help_print_the_same_page_that_names_every_command()
    {
        CommandLine bare = CommandLine.Run();
        CommandLine help = CommandLine.Run("--help");
        Assert.Equal(0, bare.Status);
        Assert.Equal(bare.Output, help.Output);
        Assert.Empty(bare.Error);
        Assert.All(Verbs.All, v => Assert.Contains($"  {v.Name} ", bare.Output, StringComparison.Ordinal));
    }

    [Fact]
    public void Help_may_be_asked_for_as_a_command()
    {
        Assert.Equal(CommandLine.Run("--help").Output, CommandLine.Run("help").Output);
        Assert.Equal(CommandLine.Run("bench", "training", "--help").Output, CommandLine.Run("help", "bench", "training").Output);
    }

    [Fact]
    public void Version_is_that_of_the_assembly()
    {
        CommandLine run = CommandLine.Run("--version");
        Assert.Equal(0, run.Status);
        Assert.Matches(@"^cleave \d+\.\d+\.\d+\n$", run.Output);
    }

    [Theory]
    [InlineData("--versoin", "--version")]
    [InlineData("--halp", "--help")]
    public void A_misspelt_option_without_a_command_is_answered_with_the_nearest(string wrong, string near)
    {
        CommandLine run = CommandLine.Run(wrong);
        Assert.Equal(2, run.Status);
        Assert.Empty(run.Output);
        Assert.Contains($"'{near}'", run.OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_command_is_answered_with_the_nearest()
    {
        CommandLine run = CommandLine.RunVerb(Sample(_ => 0), CancellationToken.None);
        Assert.Equal(2, run.Status);
        using var error = new StringWriter();
        using var streams = new Streams(TextReader.Null, Stream.Null, error);
        int status = new App(streams, [("sample", () => Sample(_ => 0))]).Run(["smaple", "x"], CancellationToken.None);
        Assert.Equal(2, status);
        Assert.Contains("unknown command 'smaple'; did you mean 'sample'?", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("unknown option '--jsn' of cleave sample; did you mean '--json'?", "x", "--jsn")]
    [InlineData("unknown option '--jsn' of cleave sample; did you mean '--json'?", "--jsn", "x")]
    [InlineData("unknown option '--jsn' of cleave sample; did you mean '--json'?", "--jsn")]
    [InlineData("unknown option '--coutn' of cleave sample; did you mean '--count'?", "x", "--coutn=3")]
    [InlineData("unknown option '--zzzzzz' of cleave sample (see", "x", "--zzzzzz")]
    [InlineData("cleave sample needs PATH: a file")]
    [InlineData("cleave sample does not take 'y'", "x", "y")]
    [InlineData("--count takes a whole number, not 'many'", "x", "--count", "many")]
    [InlineData("--count takes a whole number, not '99999999999'", "x", "--count", "99999999999")]
    [InlineData("--count needs a value: how many", "x", "--count")]
    [InlineData("--count needs a value: how many", "x", "--count", "--json")]
    [InlineData("--count is given more than once", "x", "--count", "1", "--count", "2")]
    public void A_wrong_line_gives_one_line_and_status_two(string expected, params string[] args)
    {
        CommandLine run = CommandLine.RunVerb(Sample(_ => throw new InvalidOperationException("must not run")), CancellationToken.None, args);
        Assert.Equal(2, run.Status);
        Assert.Empty(run.Output);
        Assert.Contains(expected, run.OneLineError(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-5", "-5")]
    [InlineData("@file", "@file")]
    [InlineData("--jsn", "--", "--jsn")]
    [InlineData("-", "-")]
    [InlineData("[suggest]", "[suggest]")]
    [InlineData("", "")]
    public void An_argument_may_look_odd(string expected, params string[] args)
    {
        string? seen = null;
        CommandLine run = CommandLine.RunVerb(Sample(call => { seen = call.Get(Path); return 0; }), CancellationToken.None, args);
        Assert.Equal("", run.Error);
        Assert.Equal(0, run.Status);
        Assert.Equal(expected, seen);
    }

    [Fact]
    public void Help_of_a_command_shows_arguments_options_and_examples()
    {
        CommandLine run = CommandLine.RunVerb(Sample(_ => 1), CancellationToken.None, "--help");
        Assert.Equal(0, run.Status);
        foreach (string part in new[] { "cleave sample: Does a thing.", "usage: cleave sample PATH", "A file.", "--count VALUE", "--json", "--verbose", "examples:", "cleave sample a.txt --count 3" })
            Assert.Contains(part, run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_status_of_the_command_is_the_status_of_the_program()
    {
        Assert.Equal(1, CommandLine.RunVerb(Sample(_ => Exit.No), CancellationToken.None, "x").Status);
        Assert.Equal(0, CommandLine.RunVerb(Sample(_ => Exit.Done), CancellationToken.None, "x").Status);
    }

    [Fact]
    public void An_error_of_the_world_is_one_line()
    {
        CommandLine run = Failing(new DataFileException("a.csv", "has no column 'text'", 3));
        Assert.Equal(2, run.Status);
        Assert.Equal("cleave: a.csv:3: has no column 'text'", run.OneLineError());
        Assert.Contains("CleaveException", Failing(new CleaveException("no"), "--verbose").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_memory_and_bugs_are_told_apart_and_none_shows_a_stack()
    {
        Assert.Equal("cleave: no such file", Failing(new FileNotFoundException("no such file")).OneLineError());
        Assert.Contains("out of memory", Failing(new InsufficientMemoryException()).OneLineError(), StringComparison.Ordinal);
        string bug = Failing(new InvalidOperationException("first\nsecond")).OneLineError();
        Assert.Contains("internal error: InvalidOperationException: first second; please report it", bug, StringComparison.Ordinal);
        Assert.Contains("   at ", Failing(new InvalidOperationException("x"), "--verbose").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_of_the_world_is_found_inside_its_wrappings()
    {
        var world = new CapacityException("CLEAVE_ISA=avx512 is not there");
        var initializer = new TypeInitializationException("Simd", world);
        Assert.Equal("cleave: " + world.Message, Failing(initializer).OneLineError());
        Assert.Equal("cleave: " + world.Message, Failing(new AggregateException(new OperationCanceledException(), world)).OneLineError());
    }

    [Fact]
    public void An_interrupted_command_says_so_and_how_to_go_on()
    {
        using var source = new CancellationTokenSource();
        Verb verb = Sample(call => { source.Cancel(); call.Cancel.ThrowIfCancellationRequested(); return 0; });
        CommandLine run = CommandLine.RunVerb(verb, source.Token, "x");
        Assert.Equal(130, run.Status);
        Assert.Contains("--resume", run.OneLineError(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancellation_that_nobody_asked_for_is_a_bug_not_an_interruption() =>
        Assert.Contains("internal error", Failing(new OperationCanceledException()).OneLineError(), StringComparison.Ordinal);

    [Fact]
    public void A_reader_that_left_ends_the_command_quietly()
    {
        CommandLine run = Failing(new BrokenPipeException(new IOException()));
        Assert.Equal(0, run.Status);
        Assert.Empty(run.Error);
    }

    [Fact]
    public void Json_keeps_texts_readable_and_ends_with_one_line_feed()
    {
        CommandLine run = CommandLine.RunVerb(Sample(call =>
        {
            call.WriteJson(w => { w.WriteStartObject(); w.WriteString("text", "naïve <é> \"'\n"); w.WriteEndObject(); });
            return 0;
        }), CancellationToken.None, "x", "--json");
        Assert.Equal("{\"text\":\"naïve <é> \\\"'\\n\"}\n", run.Output);
    }

    [Fact]
    public void Threads_are_configured_before_the_command_runs_and_cannot_exceed_the_machine()
    {
        int configured = 0, seen = 0;
        var verb = new Verb("sample", "A thing.") { SharedOptions.Threads };
        verb.Runs(_ => { seen = configured; return 0; });
        using var error = new StringWriter();
        using var streams = new Streams(TextReader.Null, Stream.Null, error);
        var app = new App(streams, [("sample", () => verb)]) { ConfigureThreads = n => configured = n };
        Assert.Equal(0, app.Run(["sample", "--threads", "1"], CancellationToken.None));
        Assert.Equal(1, seen);
        Assert.Equal(0, app.Run(["sample"], CancellationToken.None));
        Assert.Equal(2, app.Run(["sample", "--threads", "0"], CancellationToken.None));
        Assert.Equal(2, app.Run(["sample", "--threads", $"{Environment.ProcessorCount + 1}"], CancellationToken.None));
        Assert.Contains($"this machine's {Environment.ProcessorCount} processors", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, configured);
    }

    [Fact]
    public void Every_command_has_help_with_examples_that_parse()
    {
        foreach ((string name, Func<Verb> create) in Verbs.All)
            CheckExamples(create(), [name]);
    }

    private static void CheckExamples(Verb verb, string[] path)
    {
        using var streams = new Streams(TextReader.Null, Stream.Null, TextWriter.Null);
        CommandLine help = CommandLine.Run([.. path, "--help"]);
        Assert.Equal(0, help.Status);
        Assert.False(string.IsNullOrEmpty(verb.Description), string.Join(' ', path));
        Assert.All(verb.Options.Select(o => (o.Name, o.Description)).Concat(verb.Arguments.Select(a => (a.Name, a.Description))),
            s => Assert.False(string.IsNullOrEmpty(s.Description), $"{string.Join(' ', path)} {s.Name}"));
        if (verb.Handler is not null)
            Assert.NotEmpty(verb.Examples);
        foreach ((string line, _) in verb.Examples)
        {
            // Only cleave's own part: behind a launcher, up to a pipe or a redirection.
            string[] words = [.. System.CommandLine.Parsing.CommandLineParser.SplitCommandLine(line).SkipWhile(w => line.StartsWith("mpirun", StringComparison.Ordinal) && w != "cleave")
                .TakeWhile(w => w is not ("|" or "<" or ">"))];
            Assert.Equal(["cleave", .. path], words.Take(1 + path.Length));
            Assert.Null(new App(streams).Check(words[1..]));
        }
        foreach (Verb child in verb.Subcommands.Cast<Verb>())
            CheckExamples(child, [.. path, child.Name]);
    }
}
