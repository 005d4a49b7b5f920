namespace Cleave.Hub;

/// <summary>A model hub, or its cache on this machine, does not give what is asked for.</summary>
public sealed class HubException : CleaveException
{
    public HubException(string message) : base(message) { }
    public HubException(string message, Exception inner) : base(message, inner) { }
}
