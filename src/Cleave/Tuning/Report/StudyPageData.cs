using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Cleave.Formats.Html;
using Cleave.Tuning.Importance;

namespace Cleave.Tuning.Report;

/// <summary>What the charts of a study's page draw.</summary>
internal sealed class StudyPageData
{
    private const int MostTrials = 5000; // a page stays a few megabytes

    // <, > and & are escaped, so the text is safe inside a script element.
    private static readonly JsonSerializerOptions Safe = new() { Encoder = JavaScriptEncoder.Create(UnicodeRanges.All) };

    private readonly StudyDefinition _study;
    private readonly IReadOnlyList<Trial> _trials;
    private readonly HashSet<int> _onFront;

    public StudyPageData(StudyDefinition study, IReadOnlyList<Trial> trials)
    {
        (_study, _trials) = (study, trials);
        Trial[] good = [.. trials.Where(t => t.State == TrialState.Complete && t.Violation == 0)];
        double[][] losses = [.. good.Select(t => ParetoFront.ToLosses(t.Values, study.Directions))];
        Front = study.Directions.Count == 1 ? [.. good.OrderBy(t => ParetoFront.ToLosses(t.Values, study.Directions)[0]).Take(1)]
            : [.. ParetoFront.Nondominated(losses).Select(i => good[i])];
        _onFront = [.. Front.Select(t => t.Number)];
        Importance = [.. Enumerable.Range(0, study.Directions.Count).Select(o => Fanova.Of(study, trials, o))];
    }

    /// <summary>The best trial, or the trials that no other one beats.</summary>
    public IReadOnlyList<Trial> Front { get; }

    /// <summary>For each objective one share a parameter, or null.</summary>
    public double[]?[] Importance { get; }

    public bool IsOnFront(Trial trial) => _onFront.Contains(trial.Number);

    /// <summary>Tells one objective from another, where there are several.</summary>
    public string Suffix(int objective) => _study.Directions.Count == 1 ? "" : $" {objective + 1}";

    /// <summary>The best of the first trials by number; null where none is complete and feasible.</summary>
    public Trial? BestOf(int count)
    {
        double sign = _study.Directions[0] == Direction.Minimize ? 1 : -1;
        return _trials.Take(count).Where(t => t.State == TrialState.Complete && t.Violation == 0).MinBy(t => sign * t.Values[0]);
    }

    public Markup ToJson() => new(new JsonObject
    {
        ["maximize"] = new JsonArray([.. _study.Directions.Select(d => JsonValue.Create(d == Direction.Maximize))]),
        ["params"] = new JsonArray([.. _study.Space.Parameters.Select(Describe)]),
        ["importance"] = new JsonArray([.. Importance.Select(i => i is null ? null : new JsonArray([.. i.Select(s => JsonValue.Create(Math.Round(s, 5)))]))]),
        ["trials"] = new JsonArray([.. _trials.Where(t => t.Parameters is not null).TakeLast(MostTrials).Select(Describe)]),
    }.ToJsonString(Safe));

    private static JsonObject Describe(Parameter parameter)
    {
        var json = new JsonObject { ["name"] = parameter.Name };
        if (parameter is CategoricalParameter categorical)
            json["choices"] = new JsonArray([.. categorical.Choices.Select(c => JsonValue.Create(c.ToString()))]);
        else if (parameter is NumericParameter number)
            (json["low"], json["high"], json["log"]) = (number.Low, number.High, number.Log);
        return json;
    }

    private JsonObject Describe(Trial trial) => new()
    {
        ["n"] = trial.Number,
        ["state"] = trial.State == TrialState.Complete && trial.Violation > 0 ? "infeasible" : trial.State.ToString().ToLowerInvariant(),
        ["front"] = IsOnFront(trial),
        ["values"] = new JsonArray([.. trial.Values.Select(v => JsonValue.Create(v))]),
        ["params"] = new JsonArray([.. _study.Space.Parameters.Select(p => !trial.Parameters!.TryGet(p.Name, out ParameterValue value) ? null
            : p is CategoricalParameter ? JsonValue.Create(value.ToString()) : JsonValue.Create(value.AsDouble()))]),
    };
}
