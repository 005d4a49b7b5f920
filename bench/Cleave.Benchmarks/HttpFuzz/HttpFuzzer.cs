using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Cleave.Benchmarks.HttpFuzz;

/// <summary>What became of the cases.</summary>
/// <param name="Failures">The first ones, in words.</param>
internal sealed record HttpTally(long Requests, long Answered, long Refused, long RefusedByTransport, long Closed, long Left, long Failed, TimeSpan Longest, IReadOnlyList<string> Failures);

/// <summary>Puts requests that are nearly right to a server over connections that are kept as long as it keeps them.</summary>
internal sealed class HttpFuzzer(IReadOnlyList<HttpRequestForm> forms, int port, ulong seed)
{
    private const int MostFailures = 20;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly List<string> _failures = [];
    private long _next, _done, _answered, _refused, _transport, _closed, _left, _failed;
    private TimeSpan _longest;

    /// <summary>Cases that are over.</summary>
    public long Done => Interlocked.Read(ref _done);

    /// <param name="first">The number of the first case.</param>
    public async Task<HttpTally> Run(long first, long count, int clients)
    {
        _next = first - 1;
        await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(() => Client(first + count))));
        return new HttpTally(count, _answered, _refused, _transport, _closed, _left, _failed, _longest, _failures);
    }

    private async Task Client(long end)
    {
        (Socket Socket, AnswerReader Reader)? open = null;
        for (long number = Interlocked.Increment(ref _next); number < end; number = Interlocked.Increment(ref _next))
        {
            open ??= await Connect();
            bool keeps = false;
            HttpCase asked = HttpCase.Of(forms, seed, number);
            try
            {
                keeps = await Ask(asked, number, open.Value.Socket, open.Value.Reader);
            }
            catch (Exception e) when (e is InvalidDataException or EndOfStreamException or SocketException or OperationCanceledException or FormatException or OverflowException)
            {
                Fail(number, $"{(e is OperationCanceledException ? $"no answer within {Patience.TotalSeconds} s" : e.Message)}; asked {Shown(asked)}");
            }
            if (!keeps)
            {
                open.Value.Socket.Dispose();
                open = null;
            }
            Interlocked.Increment(ref _done);
        }
        open?.Socket.Dispose();
    }

    // A reset at the end, so that no port waits for what nobody sends.
    private async Task<(Socket, AnswerReader)> Connect()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, LingerState = new LingerOption(true, 0) };
        await socket.ConnectAsync(IPAddress.Loopback, port);
        return (socket, new AnswerReader(socket));
    }

    private async Task<bool> Ask(HttpCase asked, long number, Socket socket, AnswerReader reader)
    {
        using var patience = new CancellationTokenSource(Patience);
        long began = Stopwatch.GetTimestamp();
        HttpAnswer? answer;
        try
        {
            for (int sent = 0; sent < asked.Bytes.Length;)
                sent += await socket.SendAsync(asked.Bytes.AsMemory(sent), patience.Token);
            if (asked.Leaves)
            {
                Interlocked.Increment(ref _left);
                return false;
            }
            if (!asked.IsHttp)
                socket.Shutdown(SocketShutdown.Send); // the server may wait for more
            answer = await reader.Read(asked.IsHead, patience.Token);
        }
        catch (Exception e) when (!asked.IsHttp && e is (SocketException or EndOfStreamException))
        {
            answer = null; // cut off while one of them was still talking
        }
        Judge(asked, answer, number, Stopwatch.GetElapsedTime(began));
        return asked.IsHttp && answer is { KeepsOpen: true };
    }

    private void Judge(HttpCase asked, HttpAnswer? answer, long number, TimeSpan took)
    {
        if (answer is null)
        {
            Interlocked.Increment(ref _closed);
            if (asked.IsHttp)
                Fail(number, $"no answer to {Shown(asked)}");
            return;
        }
        if (answer.Fault(asked.IsHead) is { } fault)
            Fail(number, $"{fault}; asked {Shown(asked)}");
        else if (answer.Status < 400)
            Interlocked.Increment(ref _answered);
        else if (answer.IsOfTransport)
            Interlocked.Increment(ref _transport);
        else
            Interlocked.Increment(ref _refused);
        lock (_gate)
            _longest = took > _longest ? took : _longest;
    }

    private void Fail(long number, string what)
    {
        lock (_gate)
        {
            _failed++;
            if (_failures.Count < MostFailures)
                _failures.Add($"case {number}: {what}");
        }
    }

    private static string Shown(HttpCase asked) => string.Concat(Encoding.Latin1.GetString(asked.Bytes.AsSpan(0, Math.Min(1500, asked.Bytes.Length))).Select(c => char.IsControl(c) ? '·' : c));
}
