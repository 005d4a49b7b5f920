using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Cleave.Server;

/// <summary>A server's certificate, with those that vouch for it, and its private key, in PEM's form.</summary>
/// <param name="Certificate">A file: its own certificate first.</param>
/// <param name="Key">A file without a password.</param>
public sealed record TlsFiles(string Certificate, string Key)
{
    private X509Certificate2? _own;
    private readonly X509Certificate2Collection _chain = [];

    /// <summary>Reads the files; later changes of theirs are seen by a new server only.</summary>
    /// <exception cref="CleaveException">A file cannot be read, is of another form, or the two do not belong together.</exception>
    internal void Load()
    {
        try
        {
            _own = X509Certificate2.CreateFromPemFile(Certificate, Key);
            _chain.ImportFromPemFile(Certificate);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CleaveException($"{Certificate}, {Key}: no certificate with its private key, both in PEM's form and the key without a password: {e.Message}", e);
        }
    }

    internal void Apply(ListenOptions endpoint) => endpoint.UseHttps(https => (https.ServerCertificate, https.ServerCertificateChain) = (_own, _chain));
}
