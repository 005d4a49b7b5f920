using Cleave.Data;
using Cleave.Numerics;

namespace Cleave.Evaluation;

/// <summary>Both sides' scores of the same items, and of made-up answers to them that are right or wrong on purpose.</summary>
internal sealed class PairedItems
{
    private readonly IScored _reference, _candidate;
    private readonly int _count;
    private readonly bool _padded;

    private PairedItems(IScored reference, IScored candidate, int count, bool padded) =>
        (_reference, _candidate, _count, _padded) = (reference, candidate, count, padded);

    /// <summary>Items 0 … n−1 are the predictions; n … 2n−1 right answers to them and 2n … 3n−1 wrong ones, unless the
    /// metric has no such thing.</summary>
    public static PairedItems Of(Metric metric, IReadOnlyList<Example> examples, IReadOnlyList<Prediction> reference,
        IReadOnlyList<Prediction> candidate)
    {
        int n = examples.Count;
        if (metric.Name == Metric.Perplexity.Name || n == 0)
            return new PairedItems(metric.Score(examples, reference), metric.Score(examples, candidate), n, padded: false);
        Example[] thrice = [.. examples, .. examples, .. examples];
        Prediction[] made = [.. examples.Select(Right), .. Enumerable.Range(0, n).Select(i => Wrong(examples, i))];
        IScored ofReference = metric.Score(thrice, [.. reference, .. made]);
        IScored ofCandidate = metric.Score(thrice, [.. candidate, .. made]);
        return new PairedItems(ofReference, ofCandidate, n, padded: true);
    }

    public double Reference() => _reference.Value([.. Enumerable.Range(0, _count)]);

    public double Candidate() => _candidate.Value([.. Enumerable.Range(0, _count)]);

    /// <summary>Candidate minus reference, times <paramref name="sign"/>, over resamples of n items.</summary>
    public double[] Resample(int resamples, Rng rng, double sign)
    {
        var differences = new double[resamples];
        int[] forReference = new int[_count], forCandidate = new int[_count];
        for (int b = 0; b < resamples; b++)
        {
            for (int i = 0; i < _count; i++)
                (forReference[i], forCandidate[i]) = Draw(rng);
            differences[b] = sign * (_candidate.Value(forCandidate) - _reference.Value(forReference));
        }
        return differences;
    }

    private (int Reference, int Candidate) Draw(Rng rng)
    {
        int drawn = rng.NextInt(_padded ? _count + 2 : _count);
        if (drawn < _count)
            return (drawn, drawn);
        int item = rng.NextInt(_count), right = _count + item, wrong = 2 * _count + item;
        return drawn == _count ? (right, wrong) : (wrong, right);
    }

    /// <summary>The label of the next item that has another one; a word that no text holds; no span, or one where none is
    /// expected.</summary>
    private static Prediction Wrong(IReadOnlyList<Example> examples, int item)
    {
        Example e = examples[item];
        int other = 1;
        while (other < examples.Count && examples[(item + other) % examples.Count].Label == e.Label)
            other++;
        return new Prediction
        {
            Label = other < examples.Count ? examples[(item + other) % examples.Count].Label : null,
            Text = "\uFFFF",
            Spans = e.Spans.Count > 0 ? [] : [new TextSpan(0, 1, "\0")],
        };
    }

    private static Prediction Right(Example e) => new() { Label = e.Label, Text = e.Target, Spans = e.Spans };
}
