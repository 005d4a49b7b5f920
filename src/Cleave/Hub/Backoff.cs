namespace Cleave.Hub;

/// <summary>A failure that may be over in a moment: a lost connection, silence, an overloaded server.</summary>
/// <param name="retryAfter">How long the server asks to wait, or null.</param>
/// <param name="attempts">After how many of them in a row there is no hope.</param>
internal sealed class TransientException(string message, TimeSpan? retryAfter = null, int attempts = Backoff.Attempts, Exception? inner = null)
    : Exception(message, inner)
{
    public TimeSpan? RetryAfter => retryAfter;
    public int Attempts => attempts;
}

/// <summary>
/// Waits between attempts: as long as the server asks, else 1, 2, 4 … seconds; gives up after some failures in a row.
/// </summary>
internal sealed class Backoff(TimeProvider clock, Action<string>? log)
{
    public const int Attempts = 6;
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);
    private int _failures;

    /// <summary>Something new arrived: the count of failures starts over.</summary>
    public void Progressed() => _failures = 0;

    /// <exception cref="HubException">There were too many failures in a row, or the server asks for too long a wait.</exception>
    public async Task WaitAsync(TransientException failure, CancellationToken cancel)
    {
        if (++_failures >= failure.Attempts)
            throw new HubException($"{failure.Message}; given up after {_failures} attempts (the same command continues where this one stops)", failure);
        TimeSpan wait = failure.RetryAfter ?? TimeSpan.FromSeconds(1 << (_failures - 1));
        if (wait > Longest)
            throw new HubException($"{failure.Message}; the server asks to wait {wait.TotalMinutes:0} minutes (run the same command then; it continues)", failure);
        log?.Invoke($"{failure.Message}; again in {wait.TotalSeconds:0.#} s");
        await Task.Delay(wait, clock, cancel).ConfigureAwait(false);
    }

    /// <summary>Runs a request until it succeeds or fails for good.</summary>
    public async Task<T> RunAsync<T>(Func<Task<T>> attempt, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (TransientException e)
            {
                await WaitAsync(e, cancel).ConfigureAwait(false);
            }
        }
    }
}
