using System.Runtime.CompilerServices;

namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>What went wrong while a template ran; the interpreter adds the place.</summary>
internal sealed class RuntimeFault(string problem) : Exception(problem)
{
    public bool IsRefusal { get; init; }
}

/// <summary>What a running template has used of its limits.</summary>
internal sealed class Budget(TemplateLimits limits, CancellationToken cancellation)
{
    private long _steps, _allocated;
    private int _depth;

    /// <summary>Counts operations, before they are done.</summary>
    public void Step(long count = 1)
    {
        if ((_steps += count) > limits.Steps)
            throw new RuntimeFault($"the template needs more than {limits.Steps} steps; it may not end");
        if ((_steps & 0xFF) < count)
            cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Counts characters or elements, before they are made.</summary>
    public void Allocate(long count)
    {
        if (count > limits.Allocation - _allocated)
            throw new RuntimeFault($"the template makes more than {limits.Allocation} characters and elements on its way");
        _allocated += count;
        Step(1 + count / 16);
    }

    /// <summary>Counts what has been written.</summary>
    public void Output(long total)
    {
        if (total > limits.Output)
            throw new RuntimeFault($"the rendered text is longer than {limits.Output} characters");
    }

    public void Enter()
    {
        if (++_depth > limits.Depth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new RuntimeFault($"nested deeper than {limits.Depth} levels");
        Step();
    }

    public void Leave() => _depth--;

    /// <summary>Refuses values that are nested too deep, as one that holds itself is.</summary>
    public void CheckDepth(int depth)
    {
        if (depth > TemplateLimits.MaxNesting || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new RuntimeFault($"a value is nested deeper than {TemplateLimits.MaxNesting} levels; it may hold itself");
        Step();
    }
}
