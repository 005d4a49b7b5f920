using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Cleave.Formats.Yaml;

/// <summary>Looks over a document before it is built: how deep it is, and how large with every alias written out.</summary>
internal static class YamlLimits
{
    private const int MaxDepth = 64, MaxNodes = 100_000;

    /// <returns>What is wrong, with its line; null for a document of ordinary size.</returns>
    /// <exception cref="YamlException">It is not YAML.</exception>
    public static (long Line, string Problem)? Check(TextReader text)
    {
        var parser = new Parser(text);
        var sizes = new Dictionary<string, long>(StringComparer.Ordinal);
        var open = new Stack<(string? Anchor, long Before)>();
        long nodes = 0;
        while (parser.MoveNext())
        {
            switch (parser.Current)
            {
                case AnchorAlias alias:
                    // An anchor whose node has not ended is no size yet: the node would hold itself.
                    if (!sizes.TryGetValue(alias.Value.Value, out long size))
                        return (alias.Start.Line, $"*{alias.Value.Value} does not refer to something before it");
                    nodes += size;
                    break;
                case Scalar scalar:
                    nodes++;
                    Remember(scalar.Anchor, 1);
                    break;
                case NodeEvent start: // of a list or of a mapping
                    string? own = start.Anchor.IsEmpty ? null : start.Anchor.Value;
                    open.Push((own, nodes++));
                    sizes.Remove(own ?? "");
                    if (open.Count > MaxDepth)
                        return (start.Start.Line, $"values are nested more than {MaxDepth} deep");
                    break;
                case SequenceEnd or MappingEnd:
                    (string? name, long before) = open.Pop();
                    if (name is not null)
                        sizes[name] = nodes - before;
                    break;
            }
            if (nodes > MaxNodes)
                return (parser.Current!.Start.Line, $"with its aliases written out the file has more than {MaxNodes} values");
        }
        return null;

        void Remember(AnchorName anchor, long size)
        {
            if (!anchor.IsEmpty)
                sizes[anchor.Value] = size;
        }
    }
}
