using System.Net;

namespace Cleave.Serving.Extensions;

/// <summary>An endpoint that did not answer as a chat interface does.</summary>
/// <param name="status">Null where there was no answer at all.</param>
public sealed class ChatEndpointException(string message, HttpStatusCode? status, Exception inner) : CleaveException(message, inner)
{
    /// <summary>Whether the request, rather than its moment, was wrong: a simpler one may do.</summary>
    public bool RefusesRequest => status is HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity or HttpStatusCode.NotImplemented;
}
