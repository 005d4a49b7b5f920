namespace Cleave.Tuning.Advice;

/// <summary>Which words of a request name which parameters and values of a space.</summary>
internal sealed class ParameterNames
{
    /// <summary>Names of one thing, the field's usual ones.</summary>
    private static readonly string[][] Synonyms = [
        ["learning rate", "lr", "step size"],
        ["batch size", "batch", "minibatch size", "mini batch size", "bs"],
        ["epoch", "training epoch", "passe over the data", "passe"],
        ["weight decay", "wd", "l2 regularization", "l2 regularisation"],
        ["dropout", "dropout rate", "dropout probability"],
        ["layer", "depth", "hidden layer"],
        ["hidden size", "hidden dim", "hidden dimension", "hidden unit", "hidden width"],
        ["feed forward", "ffn", "feedforward", "feed forward width", "ffn width"],
        ["head", "attention head"],
        ["optimizer", "optimiser"],
        ["schedule", "lr schedule", "scheduler", "lr scheduler", "learning rate schedule"],
        ["warmup", "warm up", "warmup step"],
        ["label smoothing", "smoothing"],
        ["rank", "lora rank", "adapter rank", "lora r"],
        ["gradient clipping", "clip", "grad clip", "max grad norm", "gradient clip"],
        ["accumulate", "gradient accumulation", "grad accumulation", "accumulation step", "gradient accumulation step"],
        ["sequence length", "seq len", "context length", "max length", "seq length"],
    ];

    private static readonly string[] Counting = ["num", "n", "number", "of", "no", "nr", "count"];

    private readonly Dictionary<string, int> _phrases = new(StringComparer.Ordinal);
    private readonly int _longest;

    public ParameterNames(SearchSpace space)
    {
        Space = space;
        var owners = new Dictionary<string, HashSet<int>>(StringComparer.Ordinal);
        for (int i = 0; i < space.Parameters.Count; i++)
        {
            string own = string.Join(' ', RequestWords.OfName(space.Parameters[i].Name));
            foreach (string other in Others(own).Where(o => o != own))
                (owners.TryGetValue(other, out HashSet<int>? at) ? at : owners[other] = []).Add(i);
        }
        foreach ((string phrase, HashSet<int> who) in owners.Where(o => o.Value.Count == 1)) // what two could be called is neither
            _phrases[phrase] = who.Single();
        for (int i = 0; i < space.Parameters.Count; i++)
            _phrases[string.Join(' ', RequestWords.OfName(space.Parameters[i].Name))] = i; // its own name before all
        _longest = _phrases.Keys.Max(p => p.Count(c => c == ' ') + 1);
    }

    public SearchSpace Space { get; }

    /// <summary>The parameter named at a word, by the most words that name one, and where its name ends; null for none.</summary>
    public (Parameter Parameter, int End)? At(IReadOnlyList<RequestWord> words, int at)
    {
        for (int length = Math.Min(_longest, words.Count - at); length > 0; length--)
        {
            if (_phrases.TryGetValue(Text(words, at, length), out int index))
                return (Space.Parameters[index], at + length);
        }
        return null;
    }

    /// <summary>The value of a categorical parameter at a word, by the most words, and where it ends; null for none.</summary>
    public static (ParameterValue Value, int End)? ChoiceAt(CategoricalParameter parameter, IReadOnlyList<RequestWord> words, int at)
    {
        (ParameterValue Value, int End)? best = null;
        foreach (ParameterValue choice in parameter.Choices)
        {
            int end = choice.IsNumber ? (at < words.Count && RequestWords.Value(words[at]) == choice.AsDouble() ? at + 1 : at) : EndOf(string.Concat(RequestWords.OfName(choice.ToString())), words, at);
            if (end > (best?.End ?? at))
                best = (choice, end);
        }
        return best;
    }

    /// <summary>The only parameter that could be meant by one of its values alone.</summary>
    public (CategoricalParameter Parameter, ParameterValue Value, int End)? ValueAt(IReadOnlyList<RequestWord> words, int at)
    {
        (CategoricalParameter, ParameterValue, int)? found = null;
        foreach (CategoricalParameter parameter in Space.Parameters.OfType<CategoricalParameter>())
        {
            if (ChoiceAt(parameter, words, at) is not var (value, end) || value.IsNumber || value.ToString().Length < 3)
                continue;
            if (found is not null)
                return null;
            found = (parameter, value, end);
        }
        return found;
    }

    // However it is cut: AdamW, adam-w and adamw are one name.
    private static int EndOf(string name, IReadOnlyList<RequestWord> words, int at)
    {
        string text = "";
        for (int end = at; end < words.Count && name.StartsWith(text, StringComparison.Ordinal);)
        {
            text += RequestWords.Plain(words[end++]);
            if (text == name)
                return end;
        }
        return at;
    }

    private static string Text(IReadOnlyList<RequestWord> words, int at, int length) =>
        length == 1 ? words[at].Text : string.Join(' ', Enumerable.Range(at, length).Select(i => words[i].Text));

    /// <summary>Everything else that a name may be called: without what only counts, and with each part by its synonyms.</summary>
    private static HashSet<string> Others(string name)
    {
        string[] words = name.Split(' ');
        int skip = words.TakeWhile(w => Counting.Contains(w)).Count();
        string plain = skip < words.Length ? string.Join(' ', words[skip..]) : name;
        var all = new HashSet<string>(StringComparer.Ordinal) { plain };
        foreach (string[] group in Synonyms)
        {
            if (group.Where(s => $" {plain} ".Contains($" {s} ", StringComparison.Ordinal)).MaxBy(s => s.Length) is not { } part)
                continue;
            foreach (string other in group)
                all.Add($" {plain} ".Replace($" {part} ", $" {other} ", StringComparison.Ordinal).Trim());
        }
        return all;
    }
}
