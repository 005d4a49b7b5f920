using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Cleave.Models.Sampling.Grammars;
using Cleave.Tokenizers;

namespace Cleave.Serving;

/// <summary>
/// The constraints of one host, each of which remembers what it found for its grammar and is used by one request at a time. Safe for use
/// from several threads.
/// </summary>
internal sealed class GrammarConstraints
{
    private readonly ConditionalWeakTable<ITokenizer, ConditionalWeakTable<Grammar, ConcurrentBag<TokenConstraint>>> _free = [];

    /// <summary>A constraint of a grammar for the time of one request; null for none.</summary>
    /// <exception cref="GrammarException">The tokenizer cannot write any text of the grammar, or it begins in too many ways at once.</exception>
    public TokenConstraint? Rent(ITokenizer tokenizer, Grammar? grammar) => grammar is null ? null
        : Free(tokenizer, grammar).TryTake(out TokenConstraint? free) ? free : new TokenConstraint(grammar, tokenizer);

    /// <summary>Nobody uses it any more.</summary>
    public void Return(ITokenizer tokenizer, Grammar? grammar, TokenConstraint? constraint)
    {
        if (grammar is not null && constraint is not null)
            Free(tokenizer, grammar).Add(constraint);
    }

    private ConcurrentBag<TokenConstraint> Free(ITokenizer tokenizer, Grammar grammar) => _free.GetOrCreateValue(tokenizer).GetOrCreateValue(grammar);
}
