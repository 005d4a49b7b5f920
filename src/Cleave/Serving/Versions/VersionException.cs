namespace Cleave.Serving.Versions;

/// <summary>A change of versions that is refused; what was served goes on being served.</summary>
/// <param name="isUnknown">Whether there is no such version, in contrast to one that cannot be treated so now.</param>
public sealed class VersionException(string message, bool isUnknown = false) : CleaveException(OneLine(message))
{
    public bool IsUnknown { get; } = isUnknown;
}
