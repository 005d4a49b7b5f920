using Cleave.Models.Sampling.Grammars;

namespace Cleave.Serving;

/// <summary>Grammars that were asked for lately, ready for the next time; the one that nobody asked for the longest goes first. Safe for use from several threads.</summary>
/// <param name="most">Grammars that are kept.</param>
/// <param name="mostStates">Of all their automata together; the newest is kept whatever its size.</param>
internal sealed class GrammarCache(int most, long mostStates)
{
    private readonly Dictionary<(string Origin, string Text), LinkedListNode<((string, string) Key, Grammar Grammar)>> _known = [];
    private readonly LinkedList<((string, string) Key, Grammar Grammar)> _order = []; // the one that was used last at the end
    private readonly Lock _gate = new();
    private long _states;

    /// <summary>The grammar of a text, made where it is not known; an origin is part of what it is known by, because its messages name it.</summary>
    public Grammar Of(string origin, string text, Func<Grammar> make)
    {
        if (Find((origin, text)) is { } known)
            return known;
        Grammar grammar = make();
        lock (_gate)
        {
            if (Find((origin, text)) is { } other) // made meanwhile
                return other;
            _known[(origin, text)] = _order.AddLast(((origin, text), grammar));
            _states += grammar.Automata.Count;
            while (_order.Count > 1 && (_order.Count > most || _states > mostStates))
            {
                ((string, string) key, Grammar oldest) = _order.First!.Value;
                _order.RemoveFirst();
                _known.Remove(key);
                _states -= oldest.Automata.Count;
            }
            return grammar;
        }
    }

    private Grammar? Find((string, string) key)
    {
        lock (_gate)
        {
            if (!_known.TryGetValue(key, out LinkedListNode<((string, string) Key, Grammar Grammar)>? node))
                return null;
            _order.Remove(node);
            _order.AddLast(node);
            return node.Value.Grammar;
        }
    }
}
