using System.Globalization;
using System.Text;
using System.Text.Json;
using Cleave.Formats;
using Cleave.Json;

namespace Cleave.Tuning.Advice;

/// <summary>
/// Checks a model's answer against the space. What can be meant in one way only is put right (a number as a text, a name in
/// another spelling, what takes no part); anything else is refused with its reason. Nothing in an answer can do more than name values.
/// </summary>
public sealed class AnswerReader
{
    /// <summary>Longer answers are not read.</summary>
    public const int MostCharacters = 1 << 16;

    private const int MostRefusals = 20;
    private readonly SearchSpace _space;
    private readonly Dictionary<string, Parameter?> _spellings = new(StringComparer.Ordinal);

    public AnswerReader(SearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(space);
        _space = space;
        foreach (Parameter parameter in space.Parameters)
        {
            string spelling = Spelling(parameter.Name);
            _spellings[spelling] = _spellings.ContainsKey(spelling) ? null : parameter;
        }
    }

    /// <param name="tried">Sets that are not to be tried again.</param>
    /// <param name="most">Proposals that are looked at.</param>
    /// <exception cref="CleaveException">There is no JSON object in it that could be an answer.</exception>
    public AdviceAnswer Read(string answer, IEnumerable<ParameterSet> tried, int most)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentNullException.ThrowIfNull(tried);
        if (answer.Length > MostCharacters)
            throw new CleaveException($"the answer has {answer.Length} characters; at most {MostCharacters} are read");
        int from = answer.IndexOf('{', StringComparison.Ordinal), to = answer.LastIndexOf('}');
        if (from < 0 || to < from)
            throw new CleaveException("the answer has no JSON object");
        // Half a surrogate pair becomes a replacement character, which is in no name.
        JsonCursor root = JsonCursor.Parse(Encoding.UTF8.GetBytes(answer[from..(to + 1)]), "answer");
        var known = new HashSet<ParameterSet>(tried);
        var proposals = new List<Proposal>();
        var refused = new List<string>();
        int number = 0;
        foreach (JsonCursor item in root[AdviceSchema.Proposals].Items().Take(most))
        {
            number++;
            try
            {
                Proposal proposal = ReadProposal(item);
                if (known.Add(proposal.Parameters))
                    proposals.Add(proposal);
                else
                    refused.Add($"proposal {number}: {proposal.Parameters} has been tried or proposed already");
            }
            catch (Exception e) when (e is FormatException or CleaveException)
            {
                refused.Add($"proposal {number}: {e.Message}");
            }
        }
        var narrowings = new List<ParameterConstraint>();
        foreach (JsonCursor item in root.Find(AdviceSchema.Narrow)?.Items().Take(_space.Parameters.Count) ?? [])
            ReadNarrowing(item, narrowings, refused);
        return new AdviceAnswer(proposals, [.. refused.Take(MostRefusals)], narrowings);
    }

    private Proposal ReadProposal(JsonCursor item)
    {
        var repairs = new List<string>();
        var given = new Dictionary<string, JsonCursor>(StringComparer.Ordinal);
        foreach ((string name, JsonCursor value) in item[AdviceSchema.Parameters].Members())
        {
            Parameter parameter = Find(name, repairs);
            if (!given.TryAdd(parameter.Name, value))
                throw new FormatException($"'{parameter.Name}' comes twice");
        }
        ParameterSet set = _space.Build(parameter => given.Remove(parameter.Name, out JsonCursor? value) ? Value(parameter, value, repairs)
            : parameter.Count == 1 ? parameter.Grid(1)[0]
            : throw new FormatException($"'{parameter.Name}' is missing"));
        foreach (string left in given.Keys.Order(StringComparer.Ordinal))
            repairs.Add($"'{left}' takes no part and was left out");
        return new Proposal(set, Line(item.Find(AdviceSchema.Reason) is { Kind: JsonValueKind.String } reason ? reason.Text() : ""), repairs);
    }

    private Parameter Find(string name, List<string> repairs)
    {
        if (_space.IndexOf(name) is >= 0 and int at)
            return _space.Parameters[at];
        if (!_spellings.TryGetValue(Spelling(name), out Parameter? parameter) || parameter is null)
            throw new FormatException($"there is no parameter '{Line(name)}' ({Suggest.Hint(Line(name), [.. _space.Parameters.Select(p => p.Name)])})");
        repairs.Add($"'{Line(name)}' was read as '{parameter.Name}'");
        return parameter;
    }

    private static ParameterValue Value(Parameter parameter, JsonCursor json, List<string> repairs) =>
        parameter is CategoricalParameter choices ? Choice(choices, json, repairs) : Number((NumericParameter)parameter, json, repairs);

    private static ParameterValue Choice(CategoricalParameter parameter, JsonCursor json, List<string> repairs)
    {
        ParameterValue? plain = json.Kind switch
        {
            JsonValueKind.String => json.Text(),
            JsonValueKind.Number => json.Number(),
            JsonValueKind.True or JsonValueKind.False => json.Flag(),
            _ => (ParameterValue?)null,
        };
        if (plain is not { } value)
            throw new FormatException($"'{parameter.Name}' cannot be {Kind(json)}");
        if (parameter.Contains(value))
            return value;
        // "4" for 4, "AdamW" for adamw
        ParameterValue[] meant = [.. parameter.Choices.Where(c => Spelling(c.ToString()) == Spelling(value.ToString()))];
        if (meant is not [var one])
            throw new FormatException($"'{parameter.Name}' cannot be '{Line(value.ToString())}' ({Suggest.Hint(Line(value.ToString()), [.. parameter.Choices.Select(c => c.ToString())])})");
        repairs.Add($"'{parameter.Name}': '{Line(value.ToString())}' was read as {one}");
        return one;
    }

    private static ParameterValue Number(NumericParameter parameter, JsonCursor json, List<string> repairs)
    {
        double value;
        if (json.Kind == JsonValueKind.Number)
        {
            value = json.Number();
        }
        else if (json.Kind == JsonValueKind.String && double.TryParse(json.Text(), NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value))
        {
            repairs.Add($"'{parameter.Name}': the text '{Line(json.Text())}' was read as a number");
        }
        else
        {
            throw new FormatException($"'{parameter.Name}' cannot be {Kind(json)}: it is a number");
        }
        double slack = 1e-9 * Math.Max(Math.Abs(parameter.Low), Math.Abs(parameter.High)); // decimals of the ends
        if (value < parameter.Low - slack || value > parameter.High + slack)
            throw new FormatException($"'{parameter.Name}' is {parameter.Describe()}, not {value.ToString("R", CultureInfo.InvariantCulture)}");
        double nearest = parameter.Nearest(value);
        if (Math.Abs(nearest - value) > slack)
            repairs.Add($"'{parameter.Name}': {value.ToString("R", CultureInfo.InvariantCulture)} is no step, {nearest.ToString("R", CultureInfo.InvariantCulture)} is the nearest");
        return nearest;
    }

    private void ReadNarrowing(JsonCursor item, List<ParameterConstraint> narrowings, List<string> refused)
    {
        try
        {
            Parameter parameter = Find(item[AdviceSchema.Name].Text(), []);
            if (parameter is not NumericParameter number)
                throw new FormatException($"'{parameter.Name}' is no number");
            var bounds = new ParameterConstraint(number.Name, Line(item.Text(AdviceSchema.Reason, "")))
            {
                Low = item.Find(AdviceSchema.Low)?.Number(),
                High = item.Find(AdviceSchema.High)?.Number(),
            };
            if (bounds.Low < number.Low || bounds.High > number.High)
                throw new FormatException($"'{bounds}' is wider than the space, {number.Describe()}");
            SpaceNarrowing.Apply(_space, [bounds]);
            if (bounds.Low > number.Low || bounds.High < number.High)
                narrowings.Add(bounds);
        }
        catch (Exception e) when (e is FormatException or CleaveException)
        {
            refused.Add($"narrowing: {e.Message}");
        }
    }

    private static string Kind(JsonCursor json) => json.Kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => $"'{Line(json.Text())}'",
        _ => json.Kind.ToString().ToLowerInvariant(),
    };

    private static string Spelling(string name) => string.Concat(name.Where(c => c is not ('_' or '-' or ' ' or '.')).Select(char.ToLowerInvariant));

    /// <summary>A model's words as one line of bounded length that no terminal takes for commands.</summary>
    internal static string Line(string text)
    {
        string line = string.Concat(CleaveException.OneLine(text).Where(c => char.GetUnicodeCategory(c) != UnicodeCategory.Format)).Trim(); // such as those that turn the direction of text
        return AdviceLog.Whole(line.Length <= AdviceSchema.MostReasonCharacters ? line : line[..AdviceSchema.MostReasonCharacters]);
    }
}
