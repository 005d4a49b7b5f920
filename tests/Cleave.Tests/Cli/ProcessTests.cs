using System.Diagnostics;
using System.Text;
using Cleave.Tests.Serving;
using static Cleave.Tests.Cli.CleaveProcess;

namespace Cleave.Tests.Cli;

/// <summary>What only a process of its own shows: signals, pipes, the real streams.</summary>
public sealed class ProcessTests(TinyRelease tiny) : IClassFixture<TinyRelease>
{
    [Fact]
    public async Task A_wrong_request_is_one_line_on_standard_error_and_status_two()
    {
        using Process process = Start("tokenise");
        Assert.Equal("", await process.StandardOutput.ReadToEndAsync());
        Assert.Equal("cleave: unknown command 'tokenise'; did you mean 'tokenize'? (see cleave --help)\n", await process.StandardError.ReadToEndAsync());
        Assert.Equal(2, await Exit(process));
    }

    [Fact]
    public async Task Two_programs_can_talk_line_by_line()
    {
        using Process process = Start("tokenize", tiny.Monolith);
        foreach (string word in new[] { "anna", "who" })
        {
            await process.StandardInput.WriteLineAsync(word);
            await process.StandardInput.FlushAsync();
            string? ids = await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60)); // before more is sent
            Assert.Matches(@"^\d+( \d+)*$", ids);
        }
        process.StandardInput.Close();
        Assert.Equal(0, await Exit(process));
    }

    [UnixFact]
    public async Task A_reader_that_leaves_ends_the_program_quietly()
    {
        using Process process = Start("tokenize", tiny.Monolith, "--json");
        await process.StandardInput.WriteLineAsync("{\"text\":\"anna\"}");
        await process.StandardInput.FlushAsync();
        Assert.StartsWith("{\"ids\":[", await process.StandardOutput.ReadLineAsync(), StringComparison.Ordinal);
        process.StandardOutput.Close();
        try
        {
            // More than the pipe holds; it ends long before that.
            for (int i = 0; i < 100_000; i++)
                await process.StandardInput.WriteLineAsync("{\"text\":\"anna\"}");
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program has ended and reads no more, as it should.
        }
        Assert.Equal("", await process.StandardError.ReadToEndAsync());
        Assert.Equal(0, await Exit(process));
    }

    [UnixFact]
    public async Task An_interrupted_job_says_so_and_ends_with_130()
    {
        using Process process = Start("bench", "training", "--steps", "100000000", "--vocab", "40", "--dim", "16", "--layers", "1", "--heads", "2", "--ffn", "24", "--batch", "1", "--context", "8", "--verbose");
        Assert.Contains("parameters", await process.StandardError.ReadLineAsync(), StringComparison.Ordinal); // it is at work
        Signal(process, "TERM");
        Task<string> error = process.StandardError.ReadToEndAsync();
        Assert.Equal(130, await Exit(process));
        Assert.StartsWith("cleave: interrupted", await error, StringComparison.Ordinal);
    }

    [UnixFact]
    public async Task A_server_that_is_told_to_end_finishes_what_it_answers()
    {
        using Process process = Start("serve", tiny.Folder, "--urls", "http://127.0.0.1:0");
        string line = (await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60)))!;
        using var client = new HttpClient { BaseAddress = new Uri(line[line.IndexOf("http", StringComparison.Ordinal)..]) };
        using var body = new StringContent("{\"model\":\"reply\",\"prompt\":\"answer me\"}", Encoding.UTF8, "application/json");
        Assert.True((await client.PostAsync("/v1/completions", body)).IsSuccessStatusCode);
        Signal(process, "TERM");
        Assert.Equal(0, await Exit(process));
        Assert.Equal("stopping: running answers may finish\n", await process.StandardError.ReadToEndAsync());
    }
}
