namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>Methods of texts, lists and mappings, with Python's names.</summary>
internal static class Methods
{
    private delegate object? Method(Budget budget, object target, Arguments arguments);

    private static readonly Dictionary<string, Method> OfText = new(StringComparer.Ordinal)
    {
        ["strip"] = (b, t, a) => Strip(b, t, a, "strip", true, true),
        ["lstrip"] = (b, t, a) => Strip(b, t, a, "lstrip", true, false),
        ["rstrip"] = (b, t, a) => Strip(b, t, a, "rstrip", false, true),
        ["upper"] = (b, t, a) => Plain(b, t, a, "upper", PythonText.Up),
        ["lower"] = (b, t, a) => Plain(b, t, a, "lower", PythonText.Down),
        ["title"] = (b, t, a) => Plain(b, t, a, "title", PythonText.Title),
        ["capitalize"] = (b, t, a) => Plain(b, t, a, "capitalize", PythonText.Capitalize),
        ["split"] = (b, t, a) => TextSplitting.Split((string)t, a, b, fromRight: false),
        ["rsplit"] = (b, t, a) => TextSplitting.Split((string)t, a, b, fromRight: true),
        ["splitlines"] = (b, t, a) => TextSplitting.Lines((string)t, a, b),
        ["startswith"] = (b, t, a) => Edge(b, (string)t, a, "startswith", (s, part) => s.StartsWith(part, StringComparison.Ordinal)),
        ["endswith"] = (b, t, a) => Edge(b, (string)t, a, "endswith", (s, part) => s.EndsWith(part, StringComparison.Ordinal)),
        ["replace"] = (b, t, a) => a.Bind(2, "replace", "old", "new", "count") is var v
            ? TextSplitting.Replace((string)t, Arguments.Text(v[0], "what is replaced"), Arguments.Text(v[1], "what comes in its place"), Arguments.Whole(v[2], -1, "the count"), b) : null,
        ["join"] = (b, t, a) => TextSplitting.Join(Lists.Items(a.Bind(1, "join", "items")[0], b).Select(i => Arguments.Text(i, "what is joined")), (string)t, b),
        ["find"] = (b, t, a) => Find(b, (string)t, a, "find", (s, part) => s.IndexOf(part, StringComparison.Ordinal)),
        ["rfind"] = (b, t, a) => Find(b, (string)t, a, "rfind", (s, part) => part.Length == 0 ? s.Length : s.LastIndexOf(part, StringComparison.Ordinal)),
        ["count"] = (b, t, a) => TextSplitting.Count((string)t, Arguments.Text(a.Bind(1, "count", "part")[0], "what is counted"), b),
        ["isdigit"] = (b, t, a) => All(b, t, a, "isdigit", char.IsDigit),
        ["isalpha"] = (b, t, a) => All(b, t, a, "isalpha", char.IsLetter),
        ["isspace"] = (b, t, a) => All(b, t, a, "isspace", PythonText.IsSpace),
    };

    private static readonly Dictionary<string, Method> OfList = new(StringComparer.Ordinal)
    {
        ["append"] = (b, t, a) => Change(b, t, "append", list => list.Add(a.Bind(1, "append", "item")[0])),
        ["extend"] = (b, t, a) => Lists.Items(a.Bind(1, "extend", "items")[0], b).ToArray() is var more ? Change(b, t, "extend", list => { b.Allocate(more.Length); list.AddRange(more); }) : null,
        ["insert"] = (b, t, a) => Change(b, t, "insert", list => a.Bind(2, "insert", "index", "item").Apply(v => list.Insert(Place(v[0], list.Count), v[1]))),
        ["pop"] = (b, t, a) => Pop(b, t, a),
        ["index"] = (b, t, a) => Index(b, t, a),
        ["count"] = (b, t, a) => (long)((Sequence)t).Items.Count(i => Truth.AreEqual(i, a.Bind(1, "count", "item")[0], b)),
        ["copy"] = (b, t, a) => { b.Allocate(((Sequence)t).Items.Count); return new Sequence([.. ((Sequence)t).Items]); },
    };

    private static readonly Dictionary<string, Method> OfMapping = new(StringComparer.Ordinal)
    {
        ["get"] = (b, t, a) => a.Bind(1, "get", "key", "default") is var v && ((Mapping)t).TryGet(v[0], out object? value) ? value : Arguments.Or(v[1], null),
        ["keys"] = (b, t, a) => new Sequence(Lists.Items(t, b), SequenceKind.View),
        ["values"] = (b, t, a) => { b.Allocate(((Mapping)t).Count); return new Sequence([.. ((Mapping)t).Entries.Select(e => e.Value)], SequenceKind.View); },
        ["items"] = (b, t, a) => new Sequence(Lists.Pairs((Mapping)t, b), SequenceKind.View),
        ["update"] = (b, t, a) => Update(b, (Mapping)t, a),
    };

    /// <summary>A method of a value, ready to be called; null where there is none.</summary>
    public static Callable? Find(object? target, string name)
    {
        Dictionary<string, Method>? methods = target switch
        {
            string => OfText,
            Sequence { Kind: SequenceKind.List } => OfList,
            Mapping => OfMapping,
            _ => null,
        };
        return methods is not null && methods.TryGetValue(name, out Method? method)
            ? new Callable(name, (run, arguments) => method(run.Budget, target!, arguments)) : null;
    }

    private static object? Apply<T>(this T value, Action<T> action)
    {
        action(value);
        return null;
    }

    private static string Strip(Budget budget, object text, Arguments arguments, string name, bool left, bool right)
    {
        object? characters = Arguments.Or(arguments.Bind(name, "characters")[0], null);
        budget.Allocate(((string)text).Length);
        return PythonText.Strip((string)text, characters is null ? null : Arguments.Text(characters, "what is stripped"), left, right);
    }

    private static string Plain(Budget budget, object text, Arguments arguments, string name, Func<string, string> change)
    {
        arguments.Bind(name);
        budget.Allocate(((string)text).Length);
        return change((string)text);
    }

    private static bool Edge(Budget budget, string text, Arguments arguments, string name, Func<string, string, bool> holds)
    {
        object? part = arguments.Bind(1, name, "part")[0];
        budget.Step(1 + text.Length / 64);
        return part is Sequence { Kind: SequenceKind.Tuple } several ? several.Items.Any(p => holds(text, Arguments.Text(p, "what is looked for")))
            : holds(text, Arguments.Text(part, "what is looked for"));
    }

    private static long Find(Budget budget, string text, Arguments arguments, string name, Func<string, string, int> find)
    {
        string part = Arguments.Text(arguments.Bind(1, name, "part")[0], "what is looked for");
        budget.Step(1 + text.Length / 4);
        int at = find(text, part);
        return at < 0 ? -1L : PythonText.Length(text[..at]);
    }

    private static bool All(Budget budget, object text, Arguments arguments, string name, Func<char, bool> holds)
    {
        arguments.Bind(name);
        budget.Step(1 + ((string)text).Length / 4);
        return ((string)text).Length > 0 && ((string)text).All(holds);
    }

    private static object? Change(Budget budget, object target, string name, Action<List<object?>> change)
    {
        var list = (Sequence)target;
        if (list.IsFrozen)
            throw new RuntimeFault($"'{name}' would change what the template was given; make a new list with '+'");
        budget.Allocate(1);
        change(list.Items);
        return null;
    }

    private static int Place(object? index, int count)
    {
        long at = Arguments.Whole(index, 0, "an index");
        return (int)Math.Clamp(at < 0 ? at + count : at, 0, count);
    }

    private static object? Pop(Budget budget, object target, Arguments arguments)
    {
        long at = Arguments.Whole(arguments.Bind("pop", "index")[0], -1, "an index");
        object? taken = null;
        Change(budget, target, "pop", list =>
        {
            at = at < 0 ? at + list.Count : at;
            if (at < 0 || at >= list.Count)
                throw new RuntimeFault("'pop' from a place that the list does not have");
            taken = list[(int)at];
            list.RemoveAt((int)at);
        });
        return taken;
    }

    private static long Index(Budget budget, object target, Arguments arguments)
    {
        object? item = arguments.Bind(1, "index", "item")[0];
        int at = ((Sequence)target).Items.FindIndex(i => Truth.AreEqual(i, item, budget));
        return at >= 0 ? at : throw new RuntimeFault("'index' of an item that the list does not have");
    }

    private static object? Update(Budget budget, Mapping target, Arguments arguments)
    {
        if (target.IsFrozen)
            throw new RuntimeFault("'update' would change what the template was given; make a new mapping with 'dict'");
        foreach (Mapping other in arguments.Positional.OfType<Mapping>())
        {
            foreach ((object? key, object? value) in other.Entries.ToArray())
                target[key] = value;
        }
        foreach ((string name, object? value) in arguments.Named)
            target[name] = value;
        budget.Allocate(target.Count);
        return null;
    }
}
