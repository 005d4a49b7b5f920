namespace Cleave.Tokenizers.Templates;

/// <summary>What a template may use. Templates come with models from strangers: one that asks for more ends in an error.</summary>
public sealed record TemplateLimits
{
    /// <summary>Most characters of a template.</summary>
    public const int MaxSource = 1 << 20;

    /// <summary>Deepest nesting of expressions, of blocks, and of values where they are written out or compared.</summary>
    public const int MaxNesting = 100;

    /// <summary>Most statements and operations; the work inside a filter counts by what it looks at.</summary>
    public long Steps { get; init; } = 20_000_000;

    /// <summary>Most characters of the rendered text.</summary>
    public int Output { get; init; } = 16 << 20;

    /// <summary>Most characters and elements that are made on the way, all together; so memory stays below a multiple of it.</summary>
    public long Allocation { get; init; } = 64L << 20;

    /// <summary>Deepest nesting of what is being evaluated, macros included.</summary>
    public int Depth { get; init; } = 400;
}
