using System.Diagnostics;
using Cleave.Server.Http;

namespace Cleave.Server;

/// <summary>Work that waits for a thread of the queue.</summary>
internal static class QueuedWork
{
    /// <summary>Runs something on a thread of the queue.</summary>
    /// <param name="model">What the request names.</param>
    /// <param name="cancellation">Whoever cancels need not wait for the thread.</param>
    /// <returns>Its result, and how long it waited for a thread.</returns>
    /// <exception cref="ApiException">Too many wait already.</exception>
    public static async Task<(T Result, TimeSpan Waited)> Run<T>(WorkQueue queue, string model, Func<T> work, CancellationToken cancellation)
    {
        var done = new TaskCompletionSource<(T, TimeSpan)>(TaskCreationOptions.RunContinuationsAsynchronously);
        long asked = Stopwatch.GetTimestamp();
        if (!queue.TryAdd(model, Job, cancellation))
            throw ApiException.Busy(queue.RetryAfterSeconds);
        return await done.Task.WaitAsync(cancellation);

        void Job()
        {
            try
            {
                TimeSpan waited = Stopwatch.GetElapsedTime(asked);
                cancellation.ThrowIfCancellationRequested();
                done.SetResult((work(), waited));
            }
            catch (Exception e)
            {
                done.TrySetException(e);
                _ = done.Task.Exception; // who has left does not look
            }
        }
    }
}
