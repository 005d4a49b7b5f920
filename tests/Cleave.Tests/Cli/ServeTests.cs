using System.Text;
using System.Text.Json;
using Cleave.Cli.Shell;
using Cleave.Models;
using Cleave.Tests.Formats.Durable;
using Cleave.Tests.Models;
using Cleave.Tests.Serving;
using Cleave.Tokenizers.Templates;

namespace Cleave.Tests.Cli;

public sealed class ServeTests(TinyRelease tiny) : IClassFixture<TinyRelease>
{
    [Fact]
    public async Task Serves_until_it_is_told_to_stop_and_prints_one_line_when_ready()
    {
        HttpResponseMessage response = await Chat(tiny.Folder, "serving mood, reply, names on http://127.0.0.1:", "auto", "so loud, shout");
        Assert.Contains("\"content\":\"loud\"", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("router", response.Headers.GetValues("x-cleave-route").Single());
    }

    /// <summary>A file is called by its name without the ending, and answers by its own chat template.</summary>
    [Fact]
    public async Task A_gguf_file_is_served_as_its_folder_is()
    {
        using var folder = new TemporaryFolder();
        var chat = new ChatFormat(ChatTemplate.Parse("{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}", "test"), new Dictionary<string, string> { ["eos_token"] = "<|endoftext|>" });
        ModelFolder.Save(folder.File("tiny"), TinyModel.Create() with { Chat = chat }, WeightType.F32);
        Assert.Equal(0, CommandLine.Run("convert", folder.File("tiny"), folder.File("small.gguf"), "--type", "F32", "--no-check").Status);
        async Task<string> Answer(string path, string name)
        {
            HttpResponseMessage response = await Chat(folder.File(path), $"serving {name} on http://127.0.0.1:", name, "where is my order");
            using JsonDocument json = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
            return $"{json.RootElement.GetProperty("choices")[0]} {json.RootElement.GetProperty("usage")}";
        }
        Assert.Equal(await Answer("tiny", "tiny"), await Answer("small.gguf", "small"));
    }

    /// <summary>Starts a server, asks it once and stops it.</summary>
    private static async Task<HttpResponseMessage> Chat(string served, string ready, string model, string text)
    {
        using var stop = new CancellationTokenSource();
        using var output = new LineSignal();
        using var error = new StringWriter();
        using var streams = new Streams(TextReader.Null, output, error);
        Task<int> running = Task.Run(() => new App(streams).Run(["serve", served, "--urls", "http://127.0.0.1:0"], stop.Token));
        Task first = await Task.WhenAny(output.Line, running).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.True(first == output.Line, error.ToString());
        string line = await output.Line;
        Assert.StartsWith(ready, line, StringComparison.Ordinal);
        using var client = new HttpClient { BaseAddress = new Uri(line[line.IndexOf("http", StringComparison.Ordinal)..]) };
        using var body = new StringContent($"{{\"model\":\"{model}\",\"max_tokens\":8,\"temperature\":0,\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}", Encoding.UTF8, "application/json");
        HttpResponseMessage response = await client.PostAsync("/v1/chat/completions", body);
        await response.Content.LoadIntoBufferAsync();
        await stop.CancelAsync();
        Assert.Equal(0, await running.WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(1, output.Lines);
        return response;
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
