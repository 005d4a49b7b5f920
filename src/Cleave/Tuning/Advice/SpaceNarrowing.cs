namespace Cleave.Tuning.Advice;

/// <summary>Search spaces without what somebody ruled out.</summary>
public static class SpaceNarrowing
{
    /// <summary>
    /// The part of the space that all constraints allow, with the same parameters in the same order but for those whose
    /// conditions cannot hold any more. A list of numbers makes a number a choice among them.
    /// </summary>
    /// <exception cref="CleaveException">Nothing is left of a parameter: all such contradictions.</exception>
    public static SearchSpace Apply(SearchSpace space, IReadOnlyList<ParameterConstraint> constraints)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(constraints);
        var problems = new List<string>();
        var kept = new Dictionary<string, Parameter>(StringComparer.Ordinal);
        foreach (Parameter parameter in space.Parameters)
        {
            if (Conditions(parameter, kept) is not { } when)
                continue;
            Parameter? narrow = parameter.With(when);
            foreach (ParameterConstraint constraint in constraints.Where(c => c.Name == parameter.Name))
            {
                Parameter before = narrow;
                if ((narrow = Narrow(before, constraint)) is not null)
                    continue;
                problems.Add($"'{constraint.Said}' leaves nothing of '{parameter.Name}', which can be {before.Describe()}");
                narrow = before;
            }
            kept[parameter.Name] = narrow;
        }
        return problems.Count > 0 ? throw new CleaveException(string.Join("; ", problems) + " (say other bounds, or widen the space)")
            : new SearchSpace([.. kept.Values]);
    }

    // Null where no value of a parent that is left lets the parameter take part.
    private static Condition[]? Conditions(Parameter parameter, Dictionary<string, Parameter> kept)
    {
        var when = new List<Condition>();
        foreach (Condition condition in parameter.When)
        {
            if (!kept.TryGetValue(condition.Parent, out Parameter? parent) || condition.Values.Where(parent.Contains).ToArray() is not { Length: > 0 } values)
                return null;
            when.Add(new Condition(condition.Parent, values));
        }
        return [.. when];
    }

    private static Parameter? Narrow(Parameter parameter, ParameterConstraint constraint)
    {
        if (parameter is CategoricalParameter categorical)
            return Choose(categorical, constraint);
        var number = (NumericParameter)parameter;
        if (constraint.Only is { } values)
        {
            ParameterValue[] meant = [.. values.Where(v => number.Contains(v) && !constraint.Except.Contains(v)).Distinct()];
            return meant.Length == 0 ? null
                : meant.Length == 1 ? Between(number, meant[0].AsDouble(), meant[0].AsDouble())
                : new CategoricalParameter(number.Name, meant, number.When);
        }
        (double low, double high) = (Math.Max(number.Low, constraint.Low ?? number.Low), Math.Min(number.High, constraint.High ?? number.High));
        if (number.Step is { } step)
        {
            // To the nearest step inside; a billionth forgives what division makes of 0.3 / 0.1.
            double first = Math.Ceiling((low - number.Low) / step - 1e-9), last = Math.Floor((high - number.Low) / step + 1e-9);
            if (constraint.LowOpen && Same(number.Low + first * step, constraint.Low))
                first++;
            if (constraint.HighOpen && Same(number.Low + last * step, constraint.High))
                last--;
            (low, high) = (number.Low + first * step, number.Low + last * step);
        }
        return low > high ? null : Between(number, low, high);
    }

    private static bool Same(double a, double? b) => b is { } other && Math.Abs(a - other) <= 1e-9 * Math.Max(Math.Abs(a), Math.Abs(other));

    private static CategoricalParameter? Choose(CategoricalParameter parameter, ParameterConstraint constraint)
    {
        ParameterValue[] left = [.. parameter.Choices.Where(c => constraint.Only?.Contains(c) != false && !constraint.Except.Contains(c)
            && (constraint.Low is null && constraint.High is null || c.IsNumber && IsWithin(c.AsDouble(), constraint)))];
        return left.Length == 0 ? null : new CategoricalParameter(parameter.Name, left, parameter.When);
    }

    private static bool IsWithin(double value, ParameterConstraint constraint) =>
        !(value < constraint.Low || constraint.LowOpen && value == constraint.Low || value > constraint.High || constraint.HighOpen && value == constraint.High);

    private static NumericParameter Between(NumericParameter number, double low, double high) => number is IntParameter
        ? new IntParameter(number.Name, (long)Math.Round(low), (long)Math.Round(high), number.Log, (long)number.Step!.Value, number.When)
        : new FloatParameter(number.Name, low, high, number.Log, number.Step, number.When);
}
