namespace Cleave.Tokenizers.Templates.Runtime;

internal static class SelectingFilters
{
    public static Dictionary<string, Filters.Body> All { get; } = new(StringComparer.Ordinal)
    {
        ["map"] = Map,
        ["select"] = (run, v, a) => Select(run, v, a, byAttribute: false, keeps: true),
        ["reject"] = (run, v, a) => Select(run, v, a, byAttribute: false, keeps: false),
        ["selectattr"] = (run, v, a) => Select(run, v, a, byAttribute: true, keeps: true),
        ["rejectattr"] = (run, v, a) => Select(run, v, a, byAttribute: true, keeps: false),
    };

    // As Jinja has it, these filters make nothing of nothing: of none, 0 and false too.
    private static List<object?> ItemsOf(object? value, Budget budget)
    {
        List<object?> items = Truth.Of(value) ? Lists.Items(value, budget) : [];
        budget.Allocate(items.Count);
        return items;
    }

    private static Sequence Map(Interpreter run, object? value, Arguments arguments)
    {
        Func<object?, object?> change;
        if (arguments.Positional.Count == 0)
        {
            object?[] a = arguments.Bind("map", "attribute", "default");
            if (a[0] == Arguments.Absent)
                throw new RuntimeFault("'map' needs the name of a filter, or an attribute");
            object? otherwise = Arguments.Or(a[1], null);
            change = item => Members.Path(item, a[0], run.Budget) is var found && found is Undefined && otherwise is not null ? otherwise : found;
        }
        else
        {
            string filter = Arguments.Text(arguments.Positional[0], "the name of a filter");
            var rest = new Arguments([.. arguments.Positional.Skip(1)], arguments.Named);
            change = item => Filters.Apply(filter, run, item, rest);
        }
        List<object?> items = ItemsOf(value, run.Budget);
        return new Sequence([.. items.ToArray().Select(change)], SequenceKind.Iterator);
    }

    private static Sequence Select(Interpreter run, object? value, Arguments arguments, bool byAttribute, bool keeps)
    {
        int taken = byAttribute ? 1 : 0;
        if (arguments.Positional.Count < taken)
            throw new RuntimeFault("the name of an attribute is missing");
        object? attribute = byAttribute ? arguments.Positional[0] : null;
        string? test = arguments.Positional.Count > taken ? Arguments.Text(arguments.Positional[taken], "the name of a test") : null;
        var rest = new Arguments([.. arguments.Positional.Skip(taken + 1)], arguments.Named);
        List<object?> items = ItemsOf(value, run.Budget);
        return new Sequence([.. items.ToArray().Where(Holds)], SequenceKind.Iterator);

        bool Holds(object? item)
        {
            object? looked = byAttribute ? Members.Path(item, attribute, run.Budget) : item;
            return (test is null ? Truth.Of(looked) : Tests.Holds(test, run, looked, rest)) == keeps;
        }
    }
}
