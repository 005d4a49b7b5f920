namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>What a function, filter or test is called with.</summary>
internal sealed class Arguments(IReadOnlyList<object?> positional, IReadOnlyList<(string Name, object? Value)> named)
{
    /// <summary>In the place of an argument that was not given.</summary>
    public static object Absent { get; } = new();

    public static Arguments None { get; } = new([], []);

    public IReadOnlyList<object?> Positional => positional;

    public IReadOnlyList<(string Name, object? Value)> Named => named;

    /// <summary>The values of parameters in order; <see cref="Absent"/> where one was not given.</summary>
    public object?[] Bind(string function, params ReadOnlySpan<string> parameters)
    {
        if (positional.Count > parameters.Length)
            throw new RuntimeFault($"'{function}' takes at most {parameters.Length} arguments, but got {positional.Count}");
        var values = new object?[parameters.Length];
        values.AsSpan().Fill(Absent);
        for (int i = 0; i < positional.Count; i++)
            values[i] = positional[i];
        foreach ((string name, object? value) in named)
        {
            int at = parameters.IndexOf(name);
            if (at < 0)
                throw new RuntimeFault($"'{function}' has no argument '{name}'");
            if (values[at] != Absent)
                throw new RuntimeFault($"'{function}' got its argument '{name}' twice");
            values[at] = value;
        }
        return values;
    }

    /// <summary>The same, where the first ones must be there.</summary>
    public object?[] Bind(int required, string function, params ReadOnlySpan<string> parameters)
    {
        object?[] values = Bind(function, parameters);
        for (int i = 0; i < required; i++)
        {
            if (values[i] == Absent)
                throw new RuntimeFault($"'{function}' lacks its argument '{parameters[i]}'");
        }
        return values;
    }

    public static object? Or(object? value, object? otherwise) => value == Absent ? otherwise : value;

    public static bool Flag(object? value, bool otherwise) => value == Absent ? otherwise : Truth.Of(value);

    public static long Whole(object? value, long otherwise, string what) =>
        value == Absent ? otherwise : Numbers.Whole(value) ?? throw new RuntimeFault($"{what} must be a whole number, not {Kinds.Of(value)}");

    public static string Text(object? value, string what) =>
        value as string ?? throw new RuntimeFault($"{what} must be a text, not {Kinds.Of(value)}");
}
