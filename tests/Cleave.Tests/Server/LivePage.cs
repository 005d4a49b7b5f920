using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Tests.Splitting.Report;

namespace Cleave.Tests.Server;

/// <summary>A page in a headless browser that is looked at, clicked and typed into while it lives (Chrome DevTools Protocol).</summary>
internal sealed class LivePage : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder;
    private readonly Process _process;
    private readonly ClientWebSocket _socket = new();
    private int _number;

    private LivePage(string folder, Process process) => (_folder, _process) = (folder, process);

    public static async Task<LivePage> OpenAsync(Uri page)
    {
        string folder = Directory.CreateTempSubdirectory("cleave-browser-").FullName;
        var start = new ProcessStartInfo(Browser.Program!) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (string argument in new[] { "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--no-first-run", "--remote-debugging-port=0", $"--user-data-dir={folder}", "--window-size=1280,2000", page.AbsoluteUri })
        {
            start.ArgumentList.Add(argument);
        }
        var live = new LivePage(folder, Process.Start(start)!);
        _ = live._process.StandardError.ReadToEndAsync();
        _ = live._process.StandardOutput.ReadToEndAsync();
        string file = Path.Combine(folder, "DevToolsActivePort");
        await Until(() => Task.FromResult(File.Exists(file) && File.ReadAllLines(file).Length == 2));
        using var client = new HttpClient();
        string? socket = null;
        await Until(async () =>
        {
            JsonArray targets = JsonNode.Parse(await client.GetStringAsync($"http://127.0.0.1:{File.ReadAllLines(file)[0]}/json/list"))!.AsArray();
            socket = targets.FirstOrDefault(t => t!["type"]!.GetValue<string>() == "page" && t["url"]!.GetValue<string>() == page.AbsoluteUri)?["webSocketDebuggerUrl"]!.GetValue<string>();
            return socket is not null;
        });
        await live._socket.ConnectAsync(new Uri(socket!), CancellationToken.None);
        await live.Wait($"document.readyState === 'complete' && location.href === '{page.AbsoluteUri}'");
        return live;
    }

    /// <summary>The value of an expression in the page, a promise's once it is there.</summary>
    public async Task<JsonNode?> Evaluate(string expression)
    {
        JsonNode result = await Ask("Runtime.evaluate", new JsonObject { ["expression"] = expression, ["returnByValue"] = true, ["awaitPromise"] = true });
        Assert.True(result["exceptionDetails"] is null, result.ToJsonString());
        return result["result"]!["value"];
    }

    /// <summary>Waits until an expression is true.</summary>
    public Task Wait(string expression) => Until(async () => await Evaluate(expression) is JsonValue v && v.GetValueKind() == JsonValueKind.True);

    /// <summary>Presses a key such as <c>Enter</c>, <c>Tab</c> or <c>Escape</c>.</summary>
    public async Task Press(string key, int code)
    {
        foreach (string type in new[] { "keyDown", "keyUp" })
        {
            var press = new JsonObject { ["type"] = type, ["key"] = key, ["code"] = key, ["windowsVirtualKeyCode"] = code };
            if (key == "Enter" && type == "keyDown")
                press["text"] = "\r";
            await Ask("Input.dispatchKeyEvent", press);
        }
    }

    /// <summary>Types a text where the keyboard is.</summary>
    public Task Type(string text) => Ask("Input.insertText", new JsonObject { ["text"] = text });

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        try
        {
            Directory.Delete(_folder, recursive: true);
        }
        catch (IOException)
        {
            // A child of the browser still writes there; it is in the temporary folder.
        }
    }

    private async Task<JsonNode> Ask(string method, JsonObject parameters)
    {
        using var limit = new CancellationTokenSource(Patience);
        int number = ++_number;
        byte[] request = JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["id"] = number, ["method"] = method, ["params"] = parameters });
        await _socket.SendAsync(request, WebSocketMessageType.Text, endOfMessage: true, limit.Token);
        byte[] buffer = new byte[1 << 16];
        while (true)
        {
            using var message = new MemoryStream();
            ValueWebSocketReceiveResult part;
            do
            {
                part = await _socket.ReceiveAsync(buffer.AsMemory(), limit.Token);
                message.Write(buffer, 0, part.Count);
            }
            while (!part.EndOfMessage);
            JsonNode answer = JsonNode.Parse(message.ToArray())!;
            if (answer["id"]?.GetValue<int>() == number)
                return answer["result"] ?? throw new InvalidOperationException(answer.ToJsonString());
        }
    }

    private static async Task Until(Func<Task<bool>> isSo)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!await isSo())
            await Task.Delay(20, limit.Token);
    }
}
