using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>How long a request may take: until its client leaves, or until the time that the client gave it has passed.</summary>
internal sealed class Deadline : IDisposable
{
    public const string Header = "x-cleave-deadline-ms";
    private const int MostMilliseconds = 24 * 60 * 60 * 1000;

    private readonly CancellationToken _left;
    private readonly CancellationTokenSource? _limit;
    private readonly int _milliseconds;

    /// <exception cref="ApiException">The header holds no such time.</exception>
    public Deadline(HttpContext context, TimeProvider clock)
    {
        Token = _left = context.RequestAborted;
        string? given = context.Request.Headers[Header];
        if (string.IsNullOrEmpty(given))
            return;
        if (!int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out _milliseconds) || _milliseconds is < 1 or > MostMilliseconds)
            throw ApiException.Invalid($"the header {Header} must be a whole number of milliseconds from 1 to {MostMilliseconds}", Header);
        At = clock.GetUtcNow() + TimeSpan.FromMilliseconds(_milliseconds);
        _limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(_milliseconds), clock);
        Token = CancellationTokenSource.CreateLinkedTokenSource(_limit.Token, _left).Token;
    }

    public CancellationToken Token { get; }

    /// <summary>When the time is up; null where the client gave none.</summary>
    public DateTimeOffset? At { get; }

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

    /// <summary>The clock need not wake anybody any more. Work that nobody waits for may still look at the token.</summary>
    public void Dispose() => _limit?.Dispose();
}
