namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary><c>x.name</c> and <c>x[i]</c>. Only what is listed can be reached: there is no way from a value into the program.</summary>
internal static class Members
{
    /// <summary><c>x.name</c>: a method, or else an entry of that name.</summary>
    public static object? Get(object? target, string name) => target switch
    {
        Undefined undefined => throw undefined.Fault(),
        Namespace space => space.Members.TryGetValue(name, out object? member) ? member : new Undefined($"'{name}' of the namespace"),
        Loop loop => loop.Member(name),
        Mapping mapping => Methods.Find(target, name) ?? (mapping.TryGet(name, out object? value) ? value : new Undefined($"'{name}'")),
        _ => Methods.Find(target, name) ?? (object)new Undefined($"'{name}' of {Kinds.Of(target)}"),
    };

    /// <summary><c>x[i]</c>: an entry, or else a method of that name.</summary>
    public static object? Item(object? target, object? index, Budget budget)
    {
        switch (target)
        {
            case Undefined undefined:
                throw undefined.Fault();
            case Mapping mapping when index is not (Sequence or Mapping or Namespace or Undefined):
                if (mapping.TryGet(index, out object? value))
                    return value;
                break;
            case Sequence { Kind: not SequenceKind.Iterator } sequence when Numbers.Whole(index) is { } at:
                at = at < 0 ? at + sequence.Items.Count : at;
                return at >= 0 && at < sequence.Items.Count ? sequence.Items[(int)at] : new Undefined($"the item {index}");
            case string text when Numbers.Whole(index) is { } at:
                budget.Step(1 + text.Length / 16);
                string[] characters = PythonText.Characters(text);
                at = at < 0 ? at + characters.Length : at;
                return at >= 0 && at < characters.Length ? characters[at] : new Undefined($"the character {index}");
        }
        return index is string name && target is not Mapping ? Get(target, name)
            : index is string key && Methods.Find(target, key) is { } method ? method
            : new Undefined(index is string missing ? $"'{missing}'" : $"an item of {Kinds.Of(target)}");
    }

    /// <summary>The value at the end of a path such as <c>function.name</c> or <c>0.role</c>.</summary>
    public static object? Path(object? target, object? path, Budget budget)
    {
        if (path is not string text)
            return Item(target, path, budget);
        foreach (string part in text.Split('.'))
            target = Item(target, long.TryParse(part, out long index) ? index : part, budget);
        return target;
    }
}
