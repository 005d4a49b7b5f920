using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Formats;
using Cleave.Tuning;

namespace Cleave.Splitting.Recipes;

/// <summary>The search space of a task's recipes: the usual one, changed by what the project says.</summary>
public static class RecipeSpace
{
    private static readonly string[] RangeKeys = ["low", "high", "log", "step"];

    /// <param name="choices">What the project says of parameters, by their names; one each.</param>
    /// <param name="problem">Called with each choice that cannot be had and the reason.</param>
    /// <param name="unused">Called with each choice that plays no part here and the reason.</param>
    public static SearchSpace Of(RecipeScope scope, IEnumerable<ParameterChoice> choices, Action<ParameterChoice, string> problem, Action<ParameterChoice, string> unused)
    {
        ArgumentNullException.ThrowIfNull(scope);
        ArgumentNullException.ThrowIfNull(choices);
        ArgumentNullException.ThrowIfNull(problem);
        ArgumentNullException.ThrowIfNull(unused);
        Dictionary<string, ParameterChoice> said = choices.ToDictionary(c => c.Name, StringComparer.Ordinal);
        var space = new Dictionary<string, Parameter>(StringComparer.Ordinal);
        var order = new List<Parameter>();
        foreach (RecipeParameter parameter in RecipeParameters.All)
        {
            said.TryGetValue(parameter.Name, out ParameterChoice? choice);
            if (parameter.Legal(scope) is not { } legal)
            {
                if (choice is not null)
                    unused(choice, NotThere(parameter, scope));
                continue;
            }
            if (Conditions(parameter, scope, space) is not { } when)
            {
                if (choice is not null)
                    unused(choice, $"plays a part only where '{Key(parameter.When(scope)!.Value.Parent)}' can be {string.Join(" or ", parameter.When(scope)!.Value.Values)}");
                continue;
            }
            Parameter? shape = null;
            if (choice is not null)
                shape = Read(parameter, scope, legal, choice, reason => problem(choice, reason));
            else
                shape = Given(parameter, scope, legal, problem);
            shape ??= Usual(parameter, scope, said);
            if (shape is null)
                continue;
            order.Add(space[parameter.Name] = shape.With(when));
        }
        return new SearchSpace(order);
    }

    private static string Key(string name) => RecipeParameters.Find(name).Key;

    // Null where no value of the parent lets it take part.
    private static Condition[]? Conditions(RecipeParameter parameter, RecipeScope scope, Dictionary<string, Parameter> space)
    {
        if (parameter.When(scope) is not var (parent, values))
            return [];
        if (!space.TryGetValue(parent, out Parameter? chosen))
            return values.Contains(RecipeParameters.Find(parent).Default(scope).ToString(), StringComparer.Ordinal) ? [] : null;
        ParameterValue[] possible = [.. values.Select(v => (ParameterValue)v).Where(chosen.Contains)];
        return possible.Length == 0 ? null : [new Condition(parent, possible)];
    }

    private static string NotThere(RecipeParameter parameter, RecipeScope scope)
    {
        string[] kinds = [.. parameter.Kinds(scope).Select(Projects.ProjectReader.NameOf)];
        return kinds.Length > 0 ? $"is for tasks of the kind {string.Join(" or ", kinds)}" : $"needs a base with {parameter.Needs}";
    }

    // What the training section says holds for students, too.
    private static CategoricalParameter? Given(RecipeParameter parameter, RecipeScope scope, Parameter legal, Action<ParameterChoice, string> problem)
    {
        if (parameter.Setting is null || !scope.Given.TryGetValue(parameter.Key, out string? text))
            return null;
        ParameterValue value = Value(parameter, scope);
        if (legal.Contains(value))
            return new CategoricalParameter(parameter.Name, [value]);
        problem(new ParameterChoice(parameter.Name, $"training.{parameter.Key}", 0, JsonValue.Create(text)), Refuse(legal, value.ToJson()) + $"; for the students of a split, say search.space.{parameter.Key}");
        return null;
    }

    private static ParameterValue Value(RecipeParameter parameter, RecipeScope scope) => parameter.Name switch
    {
        RecipeParameters.Epochs => scope.Training.Epochs,
        _ => parameter.Default(scope),
    };

    // The usual learning rates are those of the optimizers that are tried.
    private static Parameter? Usual(RecipeParameter parameter, RecipeScope scope, Dictionary<string, ParameterChoice> said)
    {
        if (parameter.Name != RecipeParameters.LearningRate)
            return parameter.Usual(scope);
        RecipeParameter optimizer = RecipeParameters.Find(RecipeParameters.Optimizer);
        Parameter? chosen = said.TryGetValue(optimizer.Name, out ParameterChoice? choice) ? Read(optimizer, scope, optimizer.Legal(scope)!, choice, _ => { }) : null;
        IReadOnlyList<string> names = chosen is CategoricalParameter some ? [.. some.Choices.Select(c => c.AsText())] : [scope.Training.Optimizer.Name];
        return names is ["adamw"] ? parameter.Usual(scope) : RecipeParameters.Rates(names);
    }

    private static Parameter? Read(RecipeParameter parameter, RecipeScope scope, Parameter legal, ParameterChoice choice, Action<string> problem)
    {
        if (choice.Value is JsonObject range)
            return ReadRange(parameter, scope, legal, range, problem);
        var values = new List<ParameterValue>();
        foreach (JsonNode? node in choice.Value is JsonArray list ? (JsonNode?[])[.. list] : [choice.Value])
        {
            if (ParameterValue.FromJson(node) is not { } value || !legal.Contains(value))
            {
                problem(ParameterValue.FromJson(node) is { } refused && parameter.Refusal(scope, refused) is { } reason ? reason : Refuse(legal, node));
                return null;
            }
            if (!values.Contains(value))
                values.Add(value);
        }
        return new CategoricalParameter(parameter.Name, values);
    }

    private static string Refuse(Parameter legal, JsonNode? node) => legal is CategoricalParameter some
        ? $"cannot be '{node}' here ({Suggest.Hint($"{node}", [.. some.Choices.Select(c => c.ToString())])})"
        : $"is {(legal is IntParameter ? "a whole number" : "a number")} from {legal.Describe().Replace(", logarithmic", "", StringComparison.Ordinal)} here, not '{node}'";

    private static NumericParameter? ReadRange(RecipeParameter parameter, RecipeScope scope, Parameter legal, JsonObject range, Action<string> problem)
    {
        if (legal is not NumericParameter all)
        {
            problem("is a choice, not a range; give a value or a list of values");
            return null;
        }
        if (range.Select(m => m.Key).FirstOrDefault(k => !RangeKeys.Contains(k)) is { } unknown)
        {
            problem($"has '{unknown}', which a range does not take ({Suggest.Hint(unknown, RangeKeys)})");
            return null;
        }
        var usual = parameter.Usual(scope) as NumericParameter;
        double? low = Number("low", usual?.Low ?? all.Low), high = Number("high", usual?.High ?? all.High), step = Number("step", usual?.Step ?? all.Step ?? 0);
        if (low is not { } first || high is not { } last || step is not { } by)
            return null;
        // One given end may lie beyond the other, usual one.
        (first, last) = (range.ContainsKey("low") ? first : Math.Min(first, last), range.ContainsKey("high") ? last : Math.Max(first, last));
        bool whole = all is IntParameter;
        JsonValueKind said = range["log"]?.GetValueKind() ?? JsonValueKind.Undefined;
        bool log = said == JsonValueKind.True || said == JsonValueKind.Undefined && (usual?.Log ?? all.Log);
        string? wrong = first > last ? $"has a low end of {Show(first)} above its high end of {Show(last)}"
            : first < all.Low || last > all.High ? $"reaches from {Show(first)} to {Show(last)}; here it can be {all.Describe().Replace(", logarithmic", "", StringComparison.Ordinal)}"
            : by < 0 || whole && (first != Math.Floor(first) || last != Math.Floor(last) || by != Math.Floor(by)) ? "needs whole numbers"
            : said is not (JsonValueKind.Undefined or JsonValueKind.True or JsonValueKind.False) ? "has a 'log' that is neither true nor false"
            : log && first - (whole ? Math.Max(1, by) : by) / 2 <= 0 ? $"cannot be logarithmic from {Show(first)} on; give a higher 'low', or 'log: false'" : null;
        if (wrong is not null)
        {
            problem(wrong);
            return null;
        }
        return whole ? new IntParameter(parameter.Name, (long)first, (long)last, log, Math.Max(1, (long)by)) : new FloatParameter(parameter.Name, first, last, log, by > 0 ? by : null);

        double? Number(string key, double otherwise)
        {
            if (!range.ContainsKey(key))
                return otherwise;
            if (ParameterValue.FromJson(range[key]) is { IsNumber: true } value)
                return value.AsDouble();
            problem($"needs a number for '{key}', not '{range[key]}'");
            return null;
        }
    }

    private static string Show(double value) => value.ToString(value == Math.Floor(value) ? "0" : "G6", CultureInfo.InvariantCulture);
}
