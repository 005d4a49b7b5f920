using System.Security.Cryptography;

namespace Cleave.Server.Keys;

/// <summary>One key: what it may do, and how much of that it has done.</summary>
public sealed record ApiKey
{
    private readonly byte[] _hash;
    private readonly TimeProvider _clock;
    private readonly RequestAllowance? _requests;
    private readonly TokenAllowance? _tokens;

    internal ApiKey(byte[] hash, string name, TimeProvider clock) => (_hash, Name, _clock) = (hash, name, clock);

    /// <summary>What it is called in logs: never the key or a part of it.</summary>
    public string Name { get; init; }

    /// <summary>The modules that it may ask, <c>auto</c> among them where it may leave the choice to the router; null: all.</summary>
    public IReadOnlyList<string>? Modules { get; init; }

    /// <summary>Whether it may change what is served.</summary>
    public bool IsAdmin { get; init; }

    /// <summary>Whether it may read the metrics; an admin's may.</summary>
    public bool ReadsMetrics { get; init; }

    /// <summary>Requests in a minute, all of which may come at once after a minute of rest; null: no limit.</summary>
    public int? RequestsPerMinute
    {
        get;
        init
        {
            field = value;
            _requests = value is { } most ? new RequestAllowance(most, _clock) : null;
        }
    }

    /// <summary>Tokens read and made in a day of universal time; null: no limit.</summary>
    public long? TokensPerDay
    {
        get;
        init
        {
            field = value;
            _tokens = value is { } most ? new TokenAllowance(most, _clock) : null;
        }
    }

    public bool MayAsk(string module) => Modules is null || Modules.Contains(module, StringComparer.Ordinal);

    /// <summary>Takes one request out of the allowance.</summary>
    /// <returns>Seconds until there is one again, or null where it may go on.</returns>
    internal int? TakeRequest() => _requests?.Take();

    /// <returns>Seconds until tokens may be spent again, or null where some are left.</returns>
    internal int? WaitForTokens() => _tokens?.Wait();

    internal void Spend(long tokens) => _tokens?.Spend(tokens);

    internal bool Matches(ReadOnlySpan<byte> hash) => CryptographicOperations.FixedTimeEquals(hash, _hash);

    internal bool HasHash(ApiKey other) => Matches(other._hash);

    public bool Equals(ApiKey? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);

    /// <summary>Its name, and nothing that is secret.</summary>
    public override string ToString() => Name;
}
