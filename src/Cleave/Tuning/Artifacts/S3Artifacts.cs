using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Transfer;

namespace Cleave.Tuning.Artifacts;

/// <summary>
/// A bucket of Amazon S3 or of a store with the same interface. Credentials are found as by Amazon's own tools; the environment variables
/// AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL name another store, AWS_REGION the region.
/// </summary>
internal sealed class S3Artifacts : IArtifactStore
{
    private const string Scheme = "s3://", NoCredentials = "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE";
    private readonly string _bucket, _prefix;
    private readonly AmazonS3Client _client;

    /// <exception cref="CleaveException">The address names no bucket, or there are no credentials.</exception>
    public S3Artifacts(string address)
    {
        string[] parts = address[Scheme.Length..].Split('/', 2);
        _bucket = parts[0];
        _prefix = parts.Length > 1 && parts[1].Trim('/') is { Length: > 0 } prefix ? prefix + "/" : "";
        if (_bucket.Length is < 3 or > 63 || !_bucket.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.'))
            throw new CleaveException($"{address}: names no bucket; such as s3://my-bucket/studies");
        var config = new AmazonS3Config
        {
            // What is newer than signatures is not known to every store.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            MaxErrorRetry = 6,
        };
        if ((Variable("AWS_ENDPOINT_URL_S3") ?? Variable("AWS_ENDPOINT_URL")) is { } endpoint)
        {
            if (!Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https"))
                throw new CleaveException($"AWS_ENDPOINT_URL: '{endpoint}' is no address of a store (such as https://s3.lan)");
            config.ServiceURL = endpoint;
            config.ForcePathStyle = true;
            config.AuthenticationRegion = Variable("AWS_REGION") ?? "us-east-1";
        }
        else
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(Variable("AWS_REGION") ?? Variable("AWS_DEFAULT_REGION") ?? "us-east-1");
        }
        try
        {
            _client = new AmazonS3Client(config);
        }
        catch (AmazonClientException e)
        {
            throw new CleaveException($"{address}: {NoCredentials} ({e.Message})", e);
        }
    }

    public static bool Is(string address) => address.StartsWith(Scheme, StringComparison.Ordinal);

    public async Task Put(string key, string file, CancellationToken cancellation)
    {
        try
        {
            using var transfer = new TransferUtility(_client); // which sends large files in parts
            await transfer.UploadAsync(new TransferUtilityUploadRequest { BucketName = _bucket, Key = _prefix + key, FilePath = file }, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is AmazonClientException or AmazonServiceException or HttpRequestException or IOException or UnauthorizedAccessException)
        {
            string why = e is AmazonClientException && e.Message.Contains("resolve AWS credentials", StringComparison.Ordinal) ? NoCredentials : e is AmazonS3Exception { ErrorCode: { Length: > 0 } code } ? $"{code}: {e.Message}" : (e.InnerException ?? e).Message;
            throw new CleaveException($"{Scheme}{_bucket}/{_prefix}{key}: {file} cannot be kept there: {why.ReplaceLineEndings(" ")}", e);
        }
    }

    public void Dispose() => _client.Dispose();

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
