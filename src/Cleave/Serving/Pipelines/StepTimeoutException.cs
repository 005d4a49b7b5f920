namespace Cleave.Serving.Pipelines;

/// <summary>A step of a pipeline has not ended within the limit that the project gives it.</summary>
public sealed class StepTimeoutException(string message, Exception inner) : CleaveException(message, inner);
