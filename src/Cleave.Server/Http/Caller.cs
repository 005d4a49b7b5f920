using Cleave.Server.Keys;

namespace Cleave.Server.Http;

/// <summary>Who asks.</summary>
/// <param name="Key">Null where the server asks for none: then everyone who reaches it is on its machine.</param>
internal sealed record Caller(ApiKey? Key)
{
    public string Name => Key?.Name ?? "local";

    public bool IsAdmin => Key?.IsAdmin ?? true;

    public bool ReadsMetrics => IsAdmin || Key!.ReadsMetrics;

    public bool MayAsk(string module) => Key?.MayAsk(module) ?? true;

    /// <exception cref="ApiException">The key is not for this module.</exception>
    public void CheckModule(string module)
    {
        if (!MayAsk(module))
            throw ApiException.Forbidden($"this key may not ask '{module}'; it may ask {string.Join(", ", Key!.Modules!)}", "model");
    }

    /// <summary>Takes a request out of the key's allowance.</summary>
    /// <exception cref="ApiException">Nothing is left of it.</exception>
    public void TakeRequest()
    {
        if (Key?.TakeRequest() is { } minute)
            throw ApiException.TooMany($"this key may make {Key.RequestsPerMinute} requests in a minute; try again in {minute} s", "rate_limit_error", "rate_limit_exceeded", minute);
        CheckTokens();
    }

    /// <exception cref="ApiException">The key's tokens of today are spent.</exception>
    public void CheckTokens()
    {
        if (Key?.WaitForTokens() is { } day)
            throw ApiException.TooMany($"this key's {Key.TokensPerDay} tokens of today are spent; try again in {day} s", "insufficient_quota", "insufficient_quota", day);
    }
}
