using System.Diagnostics;
using Cleave.Server;
using Cleave.Server.Keys;
using Cleave.Serving;
using Cleave.Tests.Serving.Tools;

namespace Cleave.Tests.Server;

/// <summary>OpenAI's JavaScript client, unchanged, against the server: <c>tests/openai-js/client.mjs</c> asks, and says what worked.</summary>
public sealed class OpenAiJavaScriptTests
{
    private static readonly string[] Checks = ["models", "chat", "streaming", "tools", "streamed tools", "a tool that runs", "json schema", "embeddings", "errors", "abort"];

    [JavaScriptFact]
    public async Task The_client_is_answered_as_it_expects()
    {
        string keys = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(keys, "alpha modules=mood requests-per-minute=2\n");
            using var left = new SemaphoreSlim(0);
            await using RunningServer words = await RunningServer.StartAsync(new EndlessHost(left));
            using var model = new LanguageModelHost(CallingModel.Create(CallingModel.Hermes, CallingModel.Turn, "h", CallingModel.Open), "caller", DateTimeOffset.UnixEpoch);
            await using RunningServer caller = await RunningServer.StartAsync(model);
            await using RunningServer keyed = await RunningServer.StartAsync(new WordHost(), new ServerOptions { Keys = ApiKeys.Load(keys) });
            (string output, string error) = await Run(words, caller, keyed);
            Assert.Equal("", error);
            Assert.Equal(Checks, output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
            for (int aborted = 0; aborted < 2; aborted++)
                Assert.True(await left.WaitAsync(TimeSpan.FromSeconds(60))); // whoever aborts cancels what is computed
        }
        finally
        {
            File.Delete(keys);
        }
    }

    private static async Task<(string Output, string Error)> Run(params RunningServer[] servers)
    {
        var start = new ProcessStartInfo("node") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = JavaScriptFactAttribute.Folder };
        start.ArgumentList.Add("client.mjs");
        foreach (RunningServer server in servers)
            start.ArgumentList.Add(server.Server.Addresses[0]);
        using Process node = Process.Start(start)!;
        Task<string> output = node.StandardOutput.ReadToEndAsync(), error = node.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            await node.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            node.Kill(entireProcessTree: true);
            throw;
        }
        return (await output, await error);
    }

    /// <summary>As <see cref="WordHost"/>, but who asks for something endless waits until they leave, and <c>break</c> is an error of the program.</summary>
    private sealed class EndlessHost(SemaphoreSlim left) : IModuleHost
    {
        private readonly WordHost _words = new();

        public IReadOnlyList<ServedModule> Modules => _words.Modules;

        public bool CanRoute => true;

        public ModuleResult Run(ModuleRequest request, IResultSink sink, CancellationToken cancellation)
        {
            if (request.Text == "break")
                throw new InvalidOperationException("as asked");
            if (request.Text != "endless")
                return _words.Run(request, sink, cancellation);
            sink.Chosen(new ModuleChoice("reply", "reply", Route.Named));
            sink.Text("1");
            cancellation.WaitHandle.WaitOne();
            left.Release();
            throw new OperationCanceledException(cancellation);
        }
    }
}

/// <summary>A test that needs Node.js and OpenAI's client for it; skipped, and said so, where they are not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class JavaScriptFactAttribute : FactAttribute
{
    public JavaScriptFactAttribute()
    {
        if (!Directory.Exists(Path.Combine(Folder, "node_modules", "openai")))
            Skip = "needs Node.js 20 and OpenAI's client (npm ci in tests/openai-js)";
    }

    /// <summary>Where the client's test lies.</summary>
    public static string Folder { get; } = Path.Combine(Shared.Repository, "tests", "openai-js");
}
