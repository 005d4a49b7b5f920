using System.Text.Json.Nodes;
using Cleave.Tuning.Artifacts;

namespace Cleave.Tuning.Objectives;

/// <summary>
/// Runs trials with one command that stays alive between them, by the protocol of lines: <c>{"trial", "params", "checkpoint"?}</c> goes in;
/// <c>{"step", "value", "checkpoint"?}</c> comes out and is answered by <c>{"stop"}</c>; <c>{"value"}</c> or <c>{"values"}</c>, with
/// <c>"constraints"</c> and the names of <c>"artifacts"</c> if there are any, ends the trial. What goes wrong fails the trial and starts the command afresh.
/// </summary>
internal sealed class CommandObjective(string command, string folder, TimeSpan? timeout, int objectives, ArtifactKeeper artifacts) : IDisposable
{
    /// <summary>So long is waited for the last line of a stopped trial until it is known whether the command sends one.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(300);

    private CommandProcess? _process;
    private Task<string?>? _pending;
    private bool? _endsStopped;

    /// <summary>Whether a trial was stopped whose last line may still come.</summary>
    private bool _inDoubt;

    /// <exception cref="OperationCanceledException">The trial was cut off; the command is ended.</exception>
    public async Task<TrialOutcome> Run(TrialRun run, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        if (timeout is { } most)
            limit.CancelAfter(most);
        try
        {
            if (await Attempt(run, limit.Token).ConfigureAwait(false) is { } outcome)
                return outcome;
            Dispose();
            return (await Attempt(run, limit.Token).ConfigureAwait(false))!;
        }
        catch (FormatException e)
        {
            return Fail($"the command's answer cannot be read: {e.Message}");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Fail($"no answer within {timeout!.Value.TotalSeconds:0.###} s");
        }
        catch (Exception e) when (e is OperationCanceledException or CleaveException)
        {
            Dispose(); // it may be in the middle of the trial
            throw;
        }
    }

    public void Dispose()
    {
        _process?.Dispose();
        (_process, _pending, _inDoubt) = (null, null, false);
    }

    /// <returns>Null where the answer may be about the trial before, which never happens with a fresh command.</returns>
    private async Task<TrialOutcome?> Attempt(TrialRun run, CancellationToken cancellation)
    {
        _process ??= new CommandProcess(command, folder);
        var line = new JsonObject { ["trial"] = run.Number, ["params"] = run.Parameters.ToJson() };
        if (run.Checkpoint is not null)
            line["checkpoint"] = run.Checkpoint;
        return _process.Write(line.ToJsonString()) ? await Listen(run, _process, cancellation).ConfigureAwait(false) : Fail(_process.LastWords());
    }

    private async Task<TrialOutcome?> Listen(TrialRun run, CommandProcess process, CancellationToken cancellation)
    {
        int last = run.FirstAfter;
        while (await Next(process, cancellation).ConfigureAwait(false) is { } text)
        {
            Answer answer = Answer.Parse(text);
            if (answer.Trial is { } about && about != run.Number)
                continue; // the late end of a trial that was stopped
            if (_inDoubt)
            {
                if (answer is { Trial: null, Step: null })
                    return null;
                (_inDoubt, _endsStopped) = (false, false);
            }
            if (answer.Step is not { } step)
            {
                if (answer.Artifacts.Length > 0)
                    run.Attach(await artifacts.Take(run.Number, run.Attempt, answer.Artifacts, cancellation).ConfigureAwait(false));
                return answer.Outcome(objectives);
            }
            if (step <= last || step < 0)
                throw new FormatException($"step {step} does not follow {last}");
            last = step;
            bool stop = run.Report(step, answer.Values.Length > 0 ? answer.Values[0] : double.NaN, answer.Checkpoint);
            if (!process.Write(stop ? """{"stop": true}""" : """{"stop": false}"""))
                break;
            if (!stop)
                continue;
            await Settle(process, cancellation).ConfigureAwait(false);
            return TrialOutcome.Stopped;
        }
        return Fail(process.LastWords());
    }

    /// <summary>Takes the last line of a stopped trial from a command that sends one.</summary>
    private async Task Settle(CommandProcess process, CancellationToken cancellation)
    {
        if (_endsStopped == false)
            return;
        _pending ??= process.ReadLine();
        if (_endsStopped is null && await Task.WhenAny(_pending, Task.Delay(Grace, cancellation)).ConfigureAwait(false) != _pending)
        {
            _inDoubt = true;
            return;
        }
        _endsStopped = true;
        await Next(process, cancellation).ConfigureAwait(false);
    }

    private async Task<string?> Next(CommandProcess process, CancellationToken cancellation)
    {
        _pending ??= process.ReadLine();
        string? line = await _pending.WaitAsync(cancellation).ConfigureAwait(false);
        _pending = null;
        return line;
    }

    private TrialOutcome Fail(string reason)
    {
        Dispose();
        return TrialOutcome.Failed(reason);
    }
}
