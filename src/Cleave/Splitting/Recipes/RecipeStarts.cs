using Cleave.Models;
using Cleave.Tuning;

namespace Cleave.Splitting.Recipes;

/// <summary>
/// Where every search starts: what usually works, so that a few trials are enough for a good module. What the budget does not allow is narrowed until
/// it does, if it can be; what the project does not allow becomes the nearest thing that it does.
/// </summary>
public static class RecipeStarts
{
    /// <param name="allows">Whether a transformer of this shape, stored so, is within the budget.</param>
    public static IEnumerable<ParameterSet> Of(RecipeScope scope, SearchSpace space, Func<TransformerSpec, WeightChoice, bool> allows)
    {
        ArgumentNullException.ThrowIfNull(scope);
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(allows);
        TransformerSpec model = scope.Model;
        int feedForward = model.Layers[0].FeedForwardWidth, step = RecipeParameters.WidthStep(feedForward);
        int half = Math.Max(1, model.Layers.Count / 2), quarter = Math.Max(1, model.Layers.Count / 4), halfWidth = Math.Max(step, feedForward / 2 / step * step);
        Dictionary<string, ParameterValue>[] starts = scope.Classifies
            ? [Ngrams(64_000, 8), Ngrams(24_000, 4), Both(quarter, 64_000, 4), Transformer(half, halfWidth)]
            : [Transformer(half, halfWidth), Transformer(quarter, feedForward), Transformer(quarter, halfWidth)];
        return starts.Where(s => !scope.Classifies || Allowed(space, s)).Select(s => Project(scope, space, s)).Distinct();

        Dictionary<string, ParameterValue> Ngrams(int rows, int bits) => new(StringComparer.Ordinal)
        {
            [RecipeParameters.Student] = "ngrams",
            ["ngram_rows"] = rows,
            ["ngram_bits"] = bits,
        };

        Dictionary<string, ParameterValue> Both(int layers, int rows, int bits)
        {
            Dictionary<string, ParameterValue> values = Transformer(layers, halfWidth);
            foreach ((string name, ParameterValue value) in Ngrams(rows, bits))
                values[name] = value;
            values[RecipeParameters.Student] = "both";
            return values;
        }

        Dictionary<string, ParameterValue> Transformer(int layers, int width)
        {
            var values = new Dictionary<string, ParameterValue>(StringComparer.Ordinal)
            {
                [RecipeParameters.Layers] = layers,
                [RecipeParameters.Groups] = model.Layers[0].KeyValueHeads,
                [RecipeParameters.FeedForward] = width,
                // Where a project lets the search choose: the table is most of a small student, and rows that its training never touches are most of the table.
                [RecipeParameters.Vocabulary] = "used",
            };
            if (scope.Classifies)
                values[RecipeParameters.Student] = "transformer";
            if (model.Encoder is { } encoder)
                values[RecipeParameters.EncoderLayers] = EncoderLayers(model, encoder, layers);
            // What the project leaves of it decides what it costs.
            ParameterSet set = Project(scope, space, values);
            int kept = set.TryGet(RecipeParameters.Layers, out ParameterValue l) ? l.AsInt() : layers, fits = width, narrowest = RecipeParameters.NarrowestFeedForward(model);
            WeightChoice stored = set.TryGet(RecipeParameters.Weights, out ParameterValue w) ? WeightChoice.Find(w.AsText()) : WeightChoice.Q8;
            while (fits > narrowest && !allows(StudentShape.Of(model, kept, model.Encoder is { } e ? EncoderLayers(model, e, kept) : 0, model.Layers[0].KeyValueHeads, fits), stored))
                fits -= step;
            values[RecipeParameters.FeedForward] = fits;
            return values;
        }
    }

    private static bool Allowed(SearchSpace space, Dictionary<string, ParameterValue> start) =>
        space.Parameters.First(p => p.Name == RecipeParameters.Student).Contains(start[RecipeParameters.Student]);

    // The start's own value, else the usual one, or the nearest that the space has.
    private static ParameterSet Project(RecipeScope scope, SearchSpace space, Dictionary<string, ParameterValue> start) => space.Build(parameter =>
    {
        ParameterValue wanted = start.TryGetValue(parameter.Name, out ParameterValue own) ? own
            : parameter.Name == RecipeParameters.LearningRate ? scope.Training.Optimizer.LearningRate ?? UsualRate(scope, space) : RecipeParameters.Find(parameter.Name).Default(scope);
        if (parameter.Contains(wanted))
            return wanted;
        return parameter switch
        {
            NumericParameter number when wanted.IsNumber => number.FromUnit(number.ToUnit(Math.Clamp(wanted.AsDouble(), number.Low, number.High))),
            CategoricalParameter some when wanted.IsNumber && some.Choices.All(c => c.IsNumber) => some.Choices.MinBy(c => Math.Abs(c.AsDouble() - wanted.AsDouble())),
            CategoricalParameter some => some.Choices[0],
            _ => throw new InvalidOperationException($"'{parameter.Name}' has no value near {wanted}"),
        };
    });

    // Of the optimizer that starts take.
    private static double UsualRate(RecipeScope scope, SearchSpace space)
    {
        string usual = scope.Training.Optimizer.Name;
        string taken = space.Parameters.FirstOrDefault(p => p.Name == RecipeParameters.Optimizer) is CategoricalParameter some && !some.Contains(usual) ? some.Choices[0].AsText() : usual;
        return RecipeParameters.UsualRate * RecipeParameters.RateOf(taken);
    }

    /// <summary>The same share of an encoder's layers as of the decoder's.</summary>
    private static int EncoderLayers(TransformerSpec monolith, TransformerSpec encoder, int layers) =>
        Math.Max(1, encoder.Layers.Count * layers / monolith.Layers.Count);
}
