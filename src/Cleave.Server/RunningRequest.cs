using System.Diagnostics;
using System.Threading.Channels;
using Cleave.Models.Sampling.Grammars;
using Cleave.Serving;
using Cleave.Serving.Tools;

namespace Cleave.Server;

/// <summary>A piece of one of several answers: of its text or of a call; with neither, its end.</summary>
/// <param name="Tokens">Those that it was made of, where their scores were asked for.</param>
internal sealed record AnswerPiece(RunningRequest Source, string? Text, IReadOnlyList<TokenScore>? Tokens, ToolCallPiece? Call = null);

/// <summary>One answer between the connection that asked and the thread that waits for it to be computed.</summary>
/// <param name="grammar">Makes what the answer must look like, on that thread too: it can be work; null for anything.</param>
/// <param name="pieces">
/// Takes the pieces, those of other answers to the same request too; unbounded is bounded by their tokens, and a slow reader must not hold up
/// the computing thread.
/// </param>
/// <param name="index">Of the answer among those.</param>
internal sealed class RunningRequest(IModuleHost host, ModuleRequest request, Func<CancellationToken, Grammar>? grammar, ChannelWriter<AnswerPiece> pieces, int index,
    CancellationToken cancel) : IResultSink
{
    private readonly TaskCompletionSource<ModuleChoice> _chosen = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<ModuleResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _asked = Stopwatch.GetTimestamp();

    public int Index { get; } = index;

    /// <summary>Who answers; fails where the request does before that.</summary>
    public Task<ModuleChoice> Chosen => _chosen.Task;

    /// <summary>The answer; its waiting time counts from when it was asked for.</summary>
    public Task<ModuleResult> Result => _result.Task;

    /// <summary>Waits for the answer on the calling thread; whatever happens ends up in the tasks.</summary>
    public void Run()
    {
        TimeSpan waited = Stopwatch.GetElapsedTime(_asked);
        try
        {
            cancel.ThrowIfCancellationRequested();
            ModuleResult result = host.Run(grammar is null ? request : request with { Grammar = grammar(cancel) }, this, cancel);
            _chosen.TrySetResult(result.Choice);
            _result.SetResult(result with { Waited = waited + result.Waited });
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            _chosen.TrySetCanceled(cancel);
            _result.TrySetCanceled(cancel);
        }
        catch (Exception e)
        {
            _chosen.TrySetException(e);
            _result.TrySetException(e);
            _ = (_chosen.Task.Exception, _result.Task.Exception); // who has left does not look
        }
        finally
        {
            pieces.TryWrite(new AnswerPiece(this, null, null));
        }
    }

    void IResultSink.Chosen(ModuleChoice choice) => _chosen.TrySetResult(choice);

    void IResultSink.Text(string piece) => pieces.TryWrite(new AnswerPiece(this, piece, null));

    void IResultSink.Text(string piece, IReadOnlyList<TokenScore> tokens) => pieces.TryWrite(new AnswerPiece(this, piece, tokens));

    void IResultSink.Call(ToolCallPiece piece) => pieces.TryWrite(new AnswerPiece(this, null, null, piece));
}
