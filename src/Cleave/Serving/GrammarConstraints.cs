using System.Runtime.CompilerServices;
using Cleave.Models.Sampling.Grammars;
using Cleave.Tokenizers;

namespace Cleave.Serving;

/// <summary>The constraints of one host, each of which remembers what it found for its grammar. Not for several threads at once.</summary>
internal sealed class GrammarConstraints
{
    private readonly ConditionalWeakTable<ITokenizer, ConditionalWeakTable<Grammar, TokenConstraint>> _made = [];

    /// <summary>The constraint of a grammar; null for none.</summary>
    public TokenConstraint? Of(ITokenizer tokenizer, Grammar? grammar) =>
        grammar is null ? null : _made.GetOrCreateValue(tokenizer).GetValue(grammar, g => new TokenConstraint(g, tokenizer));
}
