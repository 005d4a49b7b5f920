using System.Globalization;

namespace Cleave.Proposing;

/// <summary>The widths of a <see cref="ProposerNetwork"/> and what its rows mean.</summary>
/// <param name="Width">C.</param>
/// <param name="Heads">H, a divisor of C.</param>
/// <param name="FeedForward">F.</param>
/// <param name="Slots">Parameters that it sees; further ones it does not.</param>
/// <param name="Codes">Choices that it tells apart; further ones share a code with others.</param>
/// <param name="Bins">K, intervals of values.</param>
/// <param name="Lowest">The lowest edge of the intervals, in standardized units.</param>
/// <param name="Highest">The highest one.</param>
/// <param name="MostTrials">As many as it has learnt to look at.</param>
public sealed record ProposerShape(int Width = 64, int Layers = 2, int Heads = 4, int FeedForward = 128, int Slots = 16, int Codes = 8, int Bins = 100,
    double Lowest = -4.5, double Highest = 3.5, int MostTrials = 50)
{
    /// <summary>The form of the rows and of the network; a file of another one is refused.</summary>
    private const string Form = "1";

    /// <summary>The K + 1 edges of equally wide intervals.</summary>
    public double[] Edges() => [.. Enumerable.Range(0, Bins + 1).Select(k => Lowest + (Highest - Lowest) * k / Bins)];

    /// <summary>The interval of a value; what is outside goes to the nearest.</summary>
    public int BinOf(double value) => (int)Math.Clamp((value - Lowest) / (Highest - Lowest) * Bins, 0, Bins - 1);

    /// <exception cref="ArgumentException">A width cannot be had.</exception>
    public void Check()
    {
        bool fits = Width is >= 8 and <= 1024 && Layers is >= 1 and <= 64 && Heads >= 1 && Width % Heads == 0 && FeedForward is >= 8 and <= 8192 && Slots is >= 1 and <= 256
            && Codes is >= 2 and <= 256 && Bins is >= 2 and <= 4096 && MostTrials is >= 1 and <= 4096 && double.IsFinite(Lowest) && double.IsFinite(Highest) && Lowest < Highest;
        if (!fits)
            throw new ArgumentException($"no such network can be had: {this}");
    }

    /// <summary>For a model's file.</summary>
    public IReadOnlyDictionary<string, string> ToMetadata() => new SortedDictionary<string, string>(StringComparer.Ordinal)
    {
        ["proposer"] = Form,
        ["width"] = Text(Width),
        ["layers"] = Text(Layers),
        ["heads"] = Text(Heads),
        ["feed_forward"] = Text(FeedForward),
        ["slots"] = Text(Slots),
        ["codes"] = Text(Codes),
        ["bins"] = Text(Bins),
        ["lowest"] = Text(Lowest),
        ["highest"] = Text(Highest),
        ["most_trials"] = Text(MostTrials),
    };

    /// <exception cref="ModelFileException">The file is not a proposer's, is of another form, or says impossible widths.</exception>
    public static ProposerShape FromMetadata(IReadOnlyDictionary<string, string> metadata, string path)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        if (metadata.GetValueOrDefault("proposer") is not { } form)
            throw new ModelFileException(path, "not a proposer's file (its header has no 'proposer')");
        if (form != Form)
            throw new ModelFileException(path, $"a proposer of form '{form}', which this version does not know");
        var shape = new ProposerShape(Int("width"), Int("layers"), Int("heads"), Int("feed_forward"), Int("slots"), Int("codes"), Int("bins"), Double("lowest"), Double("highest"), Int("most_trials"));
        try
        {
            shape.Check();
        }
        catch (ArgumentException e)
        {
            throw new ModelFileException(path, e.Message);
        }
        return shape;

        int Int(string key) => int.TryParse(metadata.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : throw Missing(key);
        double Double(string key) => double.TryParse(metadata.GetValueOrDefault(key), NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : throw Missing(key);
        ModelFileException Missing(string key) => new(path, $"the header has no number '{key}'");
    }

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
