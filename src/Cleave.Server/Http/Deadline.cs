using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>How long a request may take: until its client leaves, or until the time that the client gave it has passed.</summary>
internal sealed class Deadline : IDisposable
{
    public const string Header = "x-cleave-deadline-ms";
    private const int MostMilliseconds = 24 * 60 * 60 * 1000;

    private readonly CancellationToken _left;
    private readonly CancellationTokenSource? _limit, _both;
    private readonly int _milliseconds;

    /// <exception cref="ApiException">The header holds no such time.</exception>
    public Deadline(HttpContext context, TimeProvider clock)
    {
        _left = context.RequestAborted;
        string? given = context.Request.Headers[Header];
        if (string.IsNullOrEmpty(given))
            return;
        if (!int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out _milliseconds) || _milliseconds is < 1 or > MostMilliseconds)
            throw ApiException.Invalid($"the header {Header} must be a whole number of milliseconds from 1 to {MostMilliseconds}", Header);
        _limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(_milliseconds), clock);
        _both = CancellationTokenSource.CreateLinkedTokenSource(_limit.Token, _left);
    }

    public CancellationToken Token => _both?.Token ?? _left;

    /// <summary>Waits for an answer, and no longer.</summary>
    /// <exception cref="ApiException">The time has passed.</exception>
    /// <exception cref="OperationCanceledException">The client has left.</exception>
    public async Task Keep(Func<CancellationToken, Task> answer)
    {
        try
        {
            await answer(Token);
        }
        catch (OperationCanceledException) when (_limit is { IsCancellationRequested: true } && !_left.IsCancellationRequested)
        {
            throw ApiException.TooLate(_milliseconds);
        }
    }

    public void Dispose()
    {
        _both?.Dispose();
        _limit?.Dispose();
    }
}
