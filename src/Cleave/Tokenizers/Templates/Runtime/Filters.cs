namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>What makes one value of another: <c>value | name(arguments)</c>, as Jinja documents them.</summary>
internal static class Filters
{
    public delegate object? Body(Interpreter run, object? value, Arguments arguments);

    private static readonly Dictionary<string, Body> All = new Dictionary<string, Body>[]
    {
        TextFilters.All, NumberFilters.All, ListFilters.All, SelectingFilters.All,
    }.SelectMany(d => d).ToDictionary(StringComparer.Ordinal);

    public static object? Apply(string name, Interpreter run, object? value, Arguments arguments) =>
        Find(name)(run, value, arguments);

    public static bool Exists(string name) => All.ContainsKey(name);

    private static Body Find(string name) => All.TryGetValue(name, out Body? body) ? body
        : throw new RuntimeFault($"there is no filter '{name}'; there are: {string.Join(", ", All.Keys.Order(StringComparer.Ordinal))}");
}
