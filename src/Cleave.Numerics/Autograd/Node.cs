using Cleave.Numerics.Tensors;

namespace Cleave.Numerics.Autograd;

/// <summary>
/// One recorded operation: what its backward pass needs. Nodes are reused from step to step, so a subclass
/// overwrites every field when it is recorded.
/// </summary>
internal abstract class Node
{
    /// <summary>What the operation produced; null for a loss, which is where backward passes start.</summary>
    public Tensor? Output { get; set; }

    /// <summary>Adds the inputs' gradients from the output's.</summary>
    public abstract void Backward();
}
