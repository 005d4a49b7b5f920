using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Cleave.Server;

/// <summary>One address to listen on.</summary>
/// <param name="Address">Null for the name localhost: both of its addresses.</param>
/// <param name="IsSecure">Whether it speaks TLS.</param>
internal sealed record ListenAddress(IPAddress? Address, int Port, bool IsSecure)
{
    public bool IsLoopback => Address is null || IPAddress.IsLoopback(Address);

    /// <exception cref="CleaveException">A text that is not such an address.</exception>
    public static IReadOnlyList<ListenAddress> Parse(string urls)
    {
        ListenAddress[] addresses = [.. urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(ParseOne)];
        return addresses.Length > 0 ? addresses : throw new CleaveException("no address to listen on; give one such as http://127.0.0.1:8080");
    }

    /// <param name="tls">For secure ones.</param>
    public void Apply(KestrelServerOptions kestrel, TlsFiles? tls)
    {
        Action<ListenOptions> configure = IsSecure ? tls!.Apply : static _ => { };
        if (Address is null && Port != 0)
            kestrel.ListenLocalhost(Port, configure);
        else
            kestrel.Listen(Address ?? IPAddress.Loopback, Port, configure); // one free port cannot be found for two addresses
    }

    public override string ToString() => (IsSecure ? "https://" : "http://") + (Address is null ? $"localhost:{Port}" : $"{new IPEndPoint(Address, Port)}");

    private static ListenAddress ParseOne(string url)
    {
        // A star and a plus mean every address of the machine; Uri would refuse them.
        string text = url.Replace("//*", "//0.0.0.0", StringComparison.Ordinal).Replace("//+", "//0.0.0.0", StringComparison.Ordinal);
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) || uri.Host.Length == 0)
            throw new CleaveException($"'{url}' is not an address to listen on; give one such as http://127.0.0.1:8080");
        bool isSecure = uri.Scheme == Uri.UriSchemeHttps;
        if (!isSecure && uri.Scheme != Uri.UriSchemeHttp || uri.PathAndQuery != "/" || uri.UserInfo.Length > 0)
            throw new CleaveException($"'{url}' is not an address to listen on: only http://ADDRESS:PORT or https://ADDRESS:PORT");
        if (uri.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
            return new ListenAddress(null, uri.Port, isSecure);
        return IPAddress.TryParse(uri.Host.Trim('[', ']'), out IPAddress? address)
            ? new ListenAddress(address, uri.Port, isSecure)
            : throw new CleaveException($"'{url}': give an IP address or localhost in the place of '{uri.Host}'");
    }
}
