using System.Globalization;

namespace Cleave.Hub;

/// <summary>
/// Where the hub and its cache are, and who asks: the environment variables of Hugging Face's own library, so that both
/// programs use one cache and one token.
/// </summary>
public sealed record HubSettings
{
    public const string DefaultEndpoint = "https://huggingface.co";
    private static readonly string[] Yes = ["1", "on", "yes", "true"];

    /// <summary><c>HF_ENDPOINT</c>.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary><c>HF_HUB_CACHE</c>, or the folder <c>hub</c> in <c>HF_HOME</c>.</summary>
    public required string Cache { get; init; }

    /// <summary><c>HF_TOKEN</c>, or what the file <c>token</c> in <c>HF_HOME</c> (or at <c>HF_TOKEN_PATH</c>) holds; or null.</summary>
    public string? Token { get; init; }

    /// <summary><c>HF_HUB_OFFLINE</c>: only what the cache holds.</summary>
    public bool Offline { get; init; }

    /// <summary><c>HF_HUB_DOWNLOAD_TIMEOUT</c>: how long a connection may be silent before it is given up and taken up again.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public static HubSettings FromEnvironment() => Read(Environment.GetEnvironmentVariable);

    /// <param name="variable">The value of an environment variable, or null.</param>
    /// <exception cref="HubException">A variable holds what cannot be used.</exception>
    public static HubSettings Read(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        string home = Place("HF_HOME") ?? Path.Combine(Place("XDG_CACHE_HOME") ?? Path.Combine(UserHome(), ".cache"), "huggingface");
        string endpoint = Value("HF_ENDPOINT") ?? DefaultEndpoint;
        if (!Uri.TryCreate(endpoint.TrimEnd('/') + "/", UriKind.Absolute, out Uri? address) || address.Scheme is not ("https" or "http"))
            throw new HubException($"HF_ENDPOINT: '{endpoint}' is not an address such as {DefaultEndpoint}");
        var settings = new HubSettings
        {
            Endpoint = address,
            Cache = Path.GetFullPath(Place("HF_HUB_CACHE") ?? Place("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub")),
            Token = Flag("HF_HUB_DISABLE_IMPLICIT_TOKEN") ? null
                : Clean(Value("HF_TOKEN") ?? Value("HUGGING_FACE_HUB_TOKEN") ?? ReadToken(Place("HF_TOKEN_PATH") ?? Path.Combine(home, "token"))),
            Offline = Flag("HF_HUB_OFFLINE") || Flag("TRANSFORMERS_OFFLINE"),
        };
        if (Value("HF_HUB_DOWNLOAD_TIMEOUT") is not { } text)
            return settings;
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) || seconds is not (> 0 and < 1e6))
            throw new HubException($"HF_HUB_DOWNLOAD_TIMEOUT: '{text}' is not a number of seconds");
        return settings with { StallTimeout = TimeSpan.FromSeconds(seconds) };

        string? Value(string name) => variable(name) is { Length: > 0 } value ? value : null;
        bool Flag(string name) => Value(name) is { } value && Yes.Contains(value, StringComparer.OrdinalIgnoreCase);
        string? Place(string name) => Value(name) is not { } value ? null
            : value == "~" || value.StartsWith("~/", StringComparison.Ordinal) ? UserHome() + value[1..] : value;
    }

    private static string UserHome() => Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    private static string? ReadToken(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HubException($"{path}: the token cannot be read: {e.Message} (or set HF_TOKEN)", e);
        }
    }

    private static string? Clean(string? token)
    {
        string? text = token?.Replace("\r", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal).Trim();
        if (string.IsNullOrEmpty(text))
            return null;
        return text.All(c => c is > ' ' and <= '~') ? text
            : throw new HubException("the token of HF_TOKEN or of the token file holds characters that no token has; paste it again");
    }
}
