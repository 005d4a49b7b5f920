namespace Cleave.Tuning;

/// <summary>
/// The parameters of a study in order. A parameter may depend on earlier ones (<see cref="Parameter.When"/>),
/// which makes the space a tree: a set holds exactly the parameters whose conditions hold in it.
/// </summary>
public sealed class SearchSpace
{
    private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal);

    /// <exception cref="ArgumentException">A name comes twice, or a condition names no earlier parameter or a value that it never has.</exception>
    public SearchSpace(IReadOnlyList<Parameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Parameters = [.. parameters];
        if (Parameters.Count == 0)
            throw new ArgumentException("a search space needs a parameter", nameof(parameters));
        for (int i = 0; i < Parameters.Count; i++)
        {
            Parameter parameter = Parameters[i];
            foreach (Condition condition in parameter.When)
                Check(parameter, condition);
            if (!_index.TryAdd(parameter.Name, i))
                throw new ArgumentException($"the parameter '{parameter.Name}' comes twice", nameof(parameters));
        }
    }

    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>The parameter's place, or -1.</summary>
    public int IndexOf(string name) => _index.TryGetValue(name, out int at) ? at : -1;

    /// <summary>Builds a set from the root down: <paramref name="choose"/> is asked for each parameter whose conditions hold.</summary>
    /// <exception cref="ArgumentException">A chosen value is not one of the parameter's.</exception>
    public ParameterSet Build(Func<Parameter, ParameterValue> choose)
    {
        ArgumentNullException.ThrowIfNull(choose);
        var values = new ParameterValue?[Parameters.Count];
        var items = new List<KeyValuePair<string, ParameterValue>>(Parameters.Count);
        for (int i = 0; i < values.Length; i++)
        {
            Parameter parameter = Parameters[i];
            if (!IsActive(parameter, values))
                continue;
            ParameterValue value = choose(parameter);
            if (!parameter.Contains(value))
                throw new ArgumentException($"{value} is not a value of '{parameter.Name}'", nameof(choose));
            values[i] = value;
            items.Add(KeyValuePair.Create(parameter.Name, value));
        }
        return new ParameterSet(items);
    }

    /// <summary>Whether the parameter takes part, given the values so far in the space's order (null for those that do not).</summary>
    internal bool IsActive(Parameter parameter, ReadOnlySpan<ParameterValue?> values)
    {
        foreach (Condition condition in parameter.When)
        {
            if (values[_index[condition.Parent]] is not { } value || !condition.Values.Contains(value))
                return false;
        }
        return true;
    }

    /// <summary>What is wrong with a set that comes from outside: every problem in one list, empty for a good set.</summary>
    public IReadOnlyList<string> Problems(ParameterSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        var problems = new List<string>();
        var values = new ParameterValue?[Parameters.Count];
        for (int i = 0; i < values.Length; i++)
        {
            Parameter parameter = Parameters[i];
            bool present = set.TryGet(parameter.Name, out ParameterValue value), active = IsActive(parameter, values);
            if (present)
                values[i] = value;
            if (present && !active)
                problems.Add($"'{parameter.Name}' is given though its condition does not hold");
            else if (active && !present)
                problems.Add($"'{parameter.Name}' is missing");
            else if (active && !parameter.Contains(value))
                problems.Add($"{value} is not a value of '{parameter.Name}'");
        }
        problems.AddRange(set.Where(m => IndexOf(m.Key) < 0).Select(m => $"'{m.Key}' is not a parameter of the space"));
        return problems;
    }

    /// <summary>The same set in the space's order.</summary>
    internal ParameterSet InOrder(ParameterSet set) => new(set.OrderBy(m => IndexOf(m.Key)));

    private void Check(Parameter parameter, Condition condition)
    {
        int at = IndexOf(condition.Parent);
        if (at < 0)
            throw new ArgumentException($"'{parameter.Name}' depends on '{condition.Parent}', which is not a parameter before it");
        if (condition.Values.Count == 0 || !condition.Values.All(Parameters[at].Contains))
            throw new ArgumentException($"'{parameter.Name}' waits for a value that '{condition.Parent}' never has");
    }
}
