using System.Collections;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Formats.Durable;

namespace Cleave.Tuning;

/// <summary>
/// The values of one trial, by name, in the order of the search space. Two sets with the same names and values
/// are equal in any order.
/// </summary>
public sealed class ParameterSet : IReadOnlyCollection<KeyValuePair<string, ParameterValue>>, IEquatable<ParameterSet>
{
    private readonly KeyValuePair<string, ParameterValue>[] _items;

    /// <exception cref="ArgumentException">A name comes twice.</exception>
    public ParameterSet(IEnumerable<KeyValuePair<string, ParameterValue>> items)
    {
        _items = [.. items];
        for (int i = 0; i < _items.Length; i++)
        {
            if (IndexOf(_items[i].Key) != i)
                throw new ArgumentException($"the parameter '{_items[i].Key}' comes twice", nameof(items));
        }
    }

    public int Count => _items.Length;

    /// <exception cref="KeyNotFoundException">The set has no such parameter: it does not exist, or its condition does not hold.</exception>
    public ParameterValue this[string name] => TryGet(name, out ParameterValue value) ? value
        : throw new KeyNotFoundException($"no parameter '{name}' among {string.Join(", ", _items.Select(i => i.Key))}");

    public bool TryGet(string name, out ParameterValue value)
    {
        int at = IndexOf(name);
        value = at < 0 ? default : _items[at].Value;
        return at >= 0;
    }

    public bool Contains(string name) => IndexOf(name) >= 0;

    /// <summary>A JSON object in the set's own order.</summary>
    public JsonObject ToJson() => new(_items.Select(i => KeyValuePair.Create(i.Key, (JsonNode?)i.Value.ToJson())));

    /// <summary>One text for all equal sets; <see cref="Parse"/> reads it back.</summary>
    public string ToCanonicalText() => CanonicalJson.ToText(ToJson());

    /// <exception cref="FormatException">The text is not a JSON object of numbers, texts and flags.</exception>
    public static ParameterSet Parse(string json)
    {
        try
        {
            return FromJson(JsonNode.Parse(json) as JsonObject);
        }
        catch (JsonException e)
        {
            throw new FormatException("parameters are a JSON object: " + e.Message, e);
        }
    }

    /// <inheritdoc cref="Parse"/>
    public static ParameterSet FromJson(JsonObject? json)
    {
        if (json is null)
            throw new FormatException("parameters are a JSON object");
        try
        {
            return new ParameterSet(json.Select(m => KeyValuePair.Create(m.Key,
                ParameterValue.FromJson(m.Value) ?? throw new FormatException($"'{m.Key}' is neither a number nor a text nor a flag"))));
        }
        catch (ArgumentException e)
        {
            throw new FormatException(e.Message, e);
        }
    }

    public bool Equals(ParameterSet? other)
    {
        if (other is null || other.Count != Count)
            return false;
        foreach ((string name, ParameterValue value) in _items)
        {
            if (!other.TryGet(name, out ParameterValue theirs) || theirs != value)
                return false;
        }
        return true;
    }

    public override bool Equals(object? obj) => Equals(obj as ParameterSet);

    public override int GetHashCode()
    {
        int hash = 0; // a sum, so that the order does not matter
        foreach ((string name, ParameterValue value) in _items)
            hash += HashCode.Combine(name, value);
        return hash;
    }

    public override string ToString() => string.Join(' ', _items.Select(i => $"{i.Key}={i.Value}"));

    public IEnumerator<KeyValuePair<string, ParameterValue>> GetEnumerator() =>
        ((IEnumerable<KeyValuePair<string, ParameterValue>>)_items).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _items.GetEnumerator();

    private int IndexOf(string name)
    {
        for (int i = 0; i < _items.Length; i++)
        {
            if (_items[i].Key == name)
                return i;
        }
        return -1;
    }
}
