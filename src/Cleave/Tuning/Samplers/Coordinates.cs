namespace Cleave.Tuning.Samplers;

/// <summary>Parameter sets as points: a unit coordinate for a number, an index for a choice, NaN for what takes no part.</summary>
internal static class Coordinates
{
    public static double[] Encode(SearchSpace space, ParameterSet set)
    {
        double[] point = new double[space.Parameters.Count];
        for (int i = 0; i < point.Length; i++)
        {
            Parameter parameter = space.Parameters[i];
            point[i] = !set.TryGet(parameter.Name, out ParameterValue value) ? double.NaN
                : parameter is CategoricalParameter categorical ? categorical.IndexOf(value)
                : ((NumericParameter)parameter).ToUnit(value.AsDouble());
        }
        return point;
    }

    /// <summary>The value at a coordinate, and that value's own coordinate.</summary>
    public static (ParameterValue Value, double At) Decode(Parameter parameter, double at)
    {
        if (parameter is CategoricalParameter categorical)
            return (categorical.Choices[(int)at], at);
        var number = (NumericParameter)parameter;
        double value = number.FromUnit(at);
        return (value, number.ToUnit(value));
    }

    /// <summary>
    /// Makes the point one of the space, root first: numbers go to their nearest value, a parameter whose condition
    /// does not hold becomes NaN, and one that takes part without a coordinate asks <paramref name="missing"/> for it.
    /// </summary>
    public static ParameterSet Settle(SearchSpace space, Span<double> point, Func<int, double> missing)
    {
        var values = new ParameterValue?[point.Length];
        for (int i = 0; i < point.Length; i++)
        {
            Parameter parameter = space.Parameters[i];
            (values[i], point[i]) = !space.IsActive(parameter, values) ? ((ParameterValue?)null, double.NaN)
                : Decode(parameter, double.IsNaN(point[i]) ? missing(i) : point[i]);
        }
        return ToSet(space, values);
    }

    public static ParameterSet ToSet(SearchSpace space, ReadOnlySpan<ParameterValue?> values)
    {
        var items = new List<KeyValuePair<string, ParameterValue>>(values.Length);
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i] is { } value)
                items.Add(KeyValuePair.Create(space.Parameters[i].Name, value));
        }
        return new ParameterSet(items);
    }

    /// <summary>The coordinate of a uniform number in [0, 1).</summary>
    public static double FromUniform(Parameter parameter, double u) =>
        parameter is CategoricalParameter categorical ? Math.Min((int)(u * categorical.Choices.Count), categorical.Choices.Count - 1) : u;
}
