using System.Text;
using Cleave.Cli.Shell;
using Cleave.Tests.Serving;

namespace Cleave.Tests.Cli;

public sealed class ServeTests(TinyRelease tiny) : IClassFixture<TinyRelease>
{
    [Fact]
    public async Task Serves_until_it_is_told_to_stop_and_prints_one_line_when_ready()
    {
        using var stop = new CancellationTokenSource();
        using var output = new LineSignal();
        using var error = new StringWriter();
        using var streams = new Streams(TextReader.Null, output, error);
        Task<int> running = Task.Run(() => new App(streams).Run(["serve", tiny.Folder, "--urls", "http://127.0.0.1:0"], stop.Token));
        string line = await output.Line.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.StartsWith("serving mood, reply, names on http://127.0.0.1:", line, StringComparison.Ordinal);
        using var client = new HttpClient { BaseAddress = new Uri(line[line.IndexOf("http", StringComparison.Ordinal)..]) };
        using var body = new StringContent("{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"so loud, shout\"}]}", Encoding.UTF8, "application/json");
        HttpResponseMessage response = await client.PostAsync("/v1/chat/completions", body);
        Assert.Contains("\"content\":\"loud\"", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("router", response.Headers.GetValues("x-cleave-route").Single());
        await stop.CancelAsync();
        Assert.Equal(0, await running.WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(1, output.Lines);
    }

    [Theory]
    [InlineData("give --keys FILE", "--urls", "http://0.0.0.0:0")]
    [InlineData("the keys cannot be read", "--keys", "/nowhere/keys")]
    [InlineData("--queue 0 must be at least 1", "--queue", "0")]
    [InlineData("no such folder to load releases from", "--releases", "/nowhere/releases")]
    [InlineData("the audit log cannot be written", "--audit", "/nowhere/audit.jsonl")]
    [InlineData("must be none, text or json", "--log", "xml")]
    [InlineData("say NAME=URL", "--remote", "reply")]
    [InlineData("names 'reply' twice", "--remote", "reply=http://127.0.0.1:1", "--remote", "reply=http://127.0.0.1:2")]
    [InlineData("the key cannot be read", "--remote", "reply=http://127.0.0.1:1", "--remote-key", "/nowhere/key")]
    [InlineData("--remote-key is for --remote", "--remote-key", "/nowhere/key")]
    [InlineData("--on-release is for --watch", "--on-release", "load")]
    [InlineData("promote, load, shadow, canary:PERCENT", "--watch", "--on-release", "always")]
    [InlineData("give them a file with --feedback FILE", "--watch", "--on-release", "learn:50")]
    [InlineData("are for --feedback FILE", "--feedback-risk", "0.1")]
    [InlineData("must lie between 0 and 1", "--feedback", "/nowhere/file", "--feedback-risk", "2")]
    [InlineData("the log of judgements cannot be written", "--feedback", "/nowhere/file")]
    public void Wrong_requests_are_one_line(string message, params string[] options)
    {
        CommandLine run = CommandLine.Run(["serve", tiny.Folder, .. options]);
        Assert.Equal(2, run.Status);
        Assert.Contains(message, run.OneLineError(), StringComparison.Ordinal);
    }

    /// <summary>Tells when a first whole line has been written.</summary>
    private sealed class LineSignal : MemoryStream
    {
        private readonly TaskCompletionSource<string> _line = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<string> Line => _line.Task;

        public int Lines => Encoding.UTF8.GetString(ToArray()).Count(c => c == '\n');

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            base.Write(buffer);
            Signal();
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            base.Write(buffer, offset, count);
            Signal();
        }

        private void Signal()
        {
            string text = Encoding.UTF8.GetString(ToArray());
            if (text.Contains('\n', StringComparison.Ordinal))
                _line.TrySetResult(text[..text.IndexOf('\n', StringComparison.Ordinal)]);
        }
    }
}
