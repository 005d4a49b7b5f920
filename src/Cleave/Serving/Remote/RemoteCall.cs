using System.Net;
using System.Net.ServerSentEvents;
using System.Text;
using Cleave.Data;
using Cleave.Data.Reading;
using Cleave.Json;

namespace Cleave.Serving.Remote;

/// <summary>Puts one request to one server and reads its answer.</summary>
internal sealed class RemoteCall(HttpClient http, RemoteOptions options, TimeProvider clock)
{
    /// <summary>How a server is called where clients hear of it: its address is the operator's business.</summary>
    public const string Server = "the module's server";

    private const int MostRefusal = 64 << 10;

    /// <summary>Answers a request to <paramref name="name"/>; <paramref name="sink"/> hears of it once there is something to hear.</summary>
    /// <exception cref="RemoteException">The server failed.</exception>
    /// <exception cref="RequestException">It refuses the request.</exception>
    /// <exception cref="OperationCanceledException">Nobody waits any more.</exception>
    public async Task<ModuleResult> Complete(RemoteLease lease, string name, TaskKind? kind, Route route, ModuleRequest request, IResultSink sink, CancellationToken cancel)
    {
        using HttpRequestMessage message = RemoteRequests.Completion(lease.Server.Address, name, request, clock);
        bool isChat = request.Prompt is null;
        return await Send(lease, message, async (response, silence, stop) =>
        {
            RemoteFacts facts = RemoteFacts.Of(response.Headers, name, route);
            if (!request.IsHeardWhole)
                return await Stream(response, isChat, facts, sink, silence, stop).ConfigureAwait(false);
            ModuleResult result = RemoteAnswers.Whole(JsonCursor.Parse(await Bytes(response, options.MostAnswerBytes, stop).ConfigureAwait(false), Server), isChat, facts);
            RemoteAnswers.CheckForm(result, kind, Server);
            sink.Chosen(result.Choice);
            if (result.Text.Length > 0)
                sink.Text(result.Text);
            return result;
        }, request.Deadline is not null, cancel).ConfigureAwait(false);
    }

    /// <summary>Texts as vectors.</summary>
    /// <inheritdoc cref="Complete"/>
    public async Task<IReadOnlyList<(float[] Vector, int Tokens)>> Embed(RemoteLease lease, string name, IReadOnlyList<string> texts, CancellationToken cancel)
    {
        using HttpRequestMessage message = RemoteRequests.Embeddings(lease.Server.Address, name, texts);
        return await Send(lease, message, async (response, _, stop) => RemoteAnswers.Vectors(
            JsonCursor.Parse(await Bytes(response, options.MostAnswerBytes, stop).ConfigureAwait(false), Server), texts.Count), false, cancel).ConfigureAwait(false);
    }

    // Whatever goes wrong on the way is said in the terms of whoever decides about another try.
    private async Task<T> Send<T>(RemoteLease lease, HttpRequestMessage message, Func<HttpResponseMessage, CancellationTokenSource, CancellationToken, Task<T>> read, bool withDeadline, CancellationToken cancel)
    {
        using var silence = new CancellationTokenSource(options.Silence, clock);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(cancel, lease.Lost, silence.Token);
        try
        {
            using HttpResponseMessage response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, any.Token).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK)
                throw RemoteRefusals.Of(response.StatusCode, response.Headers.RetryAfter?.Delta, await Bytes(response, MostRefusal, any.Token).ConfigureAwait(false), withDeadline);
            return await read(response, silence, any.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw lease.Lost.IsCancellationRequested ? new RemoteException(502, RemoteException.Failed, $"{Server} does not say any more whether it is ready", e)
                : silence.IsCancellationRequested ? new RemoteException(504, RemoteException.Silent, $"{Server} said nothing for {options.Silence.TotalSeconds:0.###} s", e)
                : new RemoteException(503, RemoteException.Unavailable, $"no connection to {Server} within {options.ConnectLimit.TotalSeconds:0.###} s", e);
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError)
        {
            throw new RemoteException(503, RemoteException.Unavailable, $"no connection to {Server}", e) { RetryAfter = options.ProbeEvery, IsBroken = true };
        }
        catch (Exception e) when (e is HttpRequestException or IOException && !cancel.IsCancellationRequested)
        {
            throw new RemoteException(502, RemoteException.Failed, $"{Server}: the answer broke off", e) { IsBroken = e is not HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } };
        }
        catch (ModelFileException e)
        {
            throw new RemoteException(502, RemoteException.Failed, e.Message, e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new OperationCanceledException("the request was cancelled", e, cancel);
        }
    }

    private async Task<ModuleResult> Stream(HttpResponseMessage response, bool isChat, RemoteFacts facts, IResultSink sink, CancellationTokenSource silence, CancellationToken stop)
    {
        var text = new StringBuilder();
        var tokens = new List<TokenScore>();
        FinishReason? finish = null;
        JsonCursor? usage = null;
        bool isHeard = false;
        using var body = new LimitedStream(await response.Content.ReadAsStreamAsync(stop).ConfigureAwait(false), options.MostAnswerBytes);
        await foreach (SseItem<byte[]> item in SseParser.Create(body, static (_, data) => data.ToArray()).EnumerateAsync(stop).ConfigureAwait(false))
        {
            silence.CancelAfter(options.Silence);
            if (item.Data.AsSpan().SequenceEqual("[DONE]"u8))
            {
                if (!isHeard)
                    sink.Chosen(facts.Choice);
                return RemoteAnswers.Result(facts, text.ToString(), finish ?? throw new ModelFileException(Server, "the stream has no finish_reason"), usage, tokens.Count > 0 ? tokens : null);
            }
            JsonCursor root = JsonCursor.Parse(item.Data, Server);
            if (root.Find("error") is { } error)
                throw RemoteRefusals.InStream(error.Element);
            usage = root.Find("usage") ?? usage;
            facts = facts.With(root.Find("cleave"));
            foreach (JsonCursor choice in root["choices"].Items().Take(1))
            {
                IReadOnlyList<TokenScore>? scores = RemoteAnswers.Scores(choice, isChat);
                tokens.AddRange(scores ?? []);
                finish = RemoteAnswers.Finish(choice) ?? finish;
                if (RemoteAnswers.Piece(choice, isChat) is not { Length: > 0 } piece)
                    continue;
                if (!isHeard)
                    sink.Chosen(facts.Choice);
                isHeard = true;
                text.Append(piece);
                if (scores is null)
                    sink.Text(piece);
                else
                    sink.Text(piece, scores);
            }
        }
        throw new ModelFileException(Server, "the stream ends in the middle");
    }

    private static async Task<byte[]> Bytes(HttpResponseMessage response, long most, CancellationToken stop)
    {
        await response.Content.LoadIntoBufferAsync(most, stop).ConfigureAwait(false);
        return await response.Content.ReadAsByteArrayAsync(stop).ConfigureAwait(false);
    }

    /// <summary>Gives so many bytes and no more.</summary>
    private sealed class LimitedStream(Stream inner, long most) : ForwardStream
    {
        private long _read;

        public override int Read(Span<byte> buffer) => Count(inner.Read(buffer));

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => Count(await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false));

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }

        private int Count(int read) => (_read += read) <= most ? read : throw new ModelFileException(Server, $"the answer has more than {most} bytes");
    }
}
