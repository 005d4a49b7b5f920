using System.Threading.Channels;
using Cleave.Models.Sampling.Grammars;
using Cleave.Serving;

namespace Cleave.Server;

/// <summary>One request between the connection that asked and the thread that computes.</summary>
/// <param name="grammar">Makes what the answer must look like, on that thread too: it can be work; null for anything.</param>
internal sealed class RunningRequest(IModuleHost host, ModuleRequest request, Func<CancellationToken, Grammar>? grammar, CancellationToken cancel) : IResultSink
{
    private readonly TaskCompletionSource<ModuleChoice> _chosen = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<ModuleResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Unbounded is bounded by the tokens of one answer, and a slow reader must not hold up the computing thread.
    private readonly Channel<string> _pieces = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    /// <summary>Who answers; fails where the request does before that.</summary>
    public Task<ModuleChoice> Chosen => _chosen.Task;

    public ChannelReader<string> Pieces => _pieces.Reader;

    public Task<ModuleResult> Result => _result.Task;

    /// <summary>Computes the answer on the calling thread; whatever happens ends up in the tasks.</summary>
    public void Run()
    {
        try
        {
            cancel.ThrowIfCancellationRequested();
            ModuleResult result = host.Run(grammar is null ? request : request with { Grammar = grammar(cancel) }, this, cancel);
            _chosen.TrySetResult(result.Choice);
            _result.SetResult(result);
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
        }
        finally
        {
            _pieces.Writer.Complete();
        }
    }

    void IResultSink.Chosen(ModuleChoice choice) => _chosen.TrySetResult(choice);

    void IResultSink.Text(string piece) => _pieces.Writer.TryWrite(piece);
}
