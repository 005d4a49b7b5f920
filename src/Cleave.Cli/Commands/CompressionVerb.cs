using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Cleave.Cli.Shell;
using Cleave.Compression;
using Cleave.Evaluation.Energy;
using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Tensors;
using Cleave.Tokenizers;
using Cleave.Training.Scoring;

namespace Cleave.Cli.Commands;

/// <summary>What the verbs of compression share: the model that goes in, the texts, and what is said of the model that came out.</summary>
internal static class CompressionVerb
{
    public static readonly Argument<string> Model = ModelArgument.Create();

    public static readonly Option<string?> Calibration = new("--calibration")
    {
        Description = "A UTF-8 text like those that the model will see: what counts is measured on it.",
        HelpName = "FILE",
    };

    public static readonly Option<int> CalibrationTokens = new("--calibration-tokens")
    {
        Description = "Tokens of it that are measured, from its beginning.",
        HelpName = "N",
        DefaultValueFactory = _ => 32_768,
    };

    public static readonly Option<string?> Text = new("--text") { Description = "A UTF-8 text, other than the calibration's, whose perplexity is reported.", HelpName = "FILE" };
    public static readonly Option<bool> Check = new("--check") { Description = "Compare the result on --text with the model that it was made from: divergence, perplexities, changed first choices." };

    /// <summary>The model as it is stored, a copy to change, and the text to report on.</summary>
    /// <exception cref="CleaveException">The model cannot be changed, or not be measured on the text.</exception>
    public static (LanguageModel Source, LanguageModel Copy, (string Text, long Bytes)? Text) Load(Call call)
    {
        (string Text, long Bytes)? text = ReadText(call);
        LanguageModel source = ModelArgument.Load(call, Model);
        RequireScored(source, text);
        return (source, source with { Transformer = DenseCopy.Of(source.Transformer, call.Get(Model)) }, text);
    }

    /// <summary>What <c>--text</c> holds and its bytes, or null. It is read before the work, which a wrong path would waste.</summary>
    /// <exception cref="CleaveException">It cannot be read, or <c>--check</c> is given without it.</exception>
    public static (string Text, long Bytes)? ReadText(Call call)
    {
        if (call.Get(Text) is { } file)
            return EvalPerplexityCommand.ReadText(file);
        return call.Get(Check) ? throw new CleaveException("--check needs --text: say what to compare the models on") : null;
    }

    /// <summary>Refuses a text that the model cannot be measured on; null is none.</summary>
    /// <exception cref="CleaveException">The model does not continue texts, or the text is too short.</exception>
    public static void RequireScored(LanguageModel model, (string Text, long Bytes)? text)
    {
        if (text is not { } given)
            return;
        model.Transformer.RequireContinuation();
        model.Transformer.RequireOneStack();
        Tokens(model.Tokenizer, given.Text);
    }

    /// <summary>The tokens of <c>--calibration</c>.</summary>
    public static int[] CalibrationIds(Call call, LanguageModel model, bool needed)
    {
        call.Positive(CalibrationTokens);
        if (call.Get(Calibration) is { } file)
            return model.Tokenizer.Encode(EvalPerplexityCommand.ReadText(file).Text);
        return needed ? throw new CleaveException("--calibration is missing: this method looks at a text like those that the model will see") : [];
    }

    /// <summary>Reads back what was written, measures it, and reports.</summary>
    /// <param name="sourceName">What the source is called.</param>
    /// <param name="text">Of <see cref="ReadText"/>.</param>
    /// <param name="started">When the work began.</param>
    /// <param name="meter">Made when the work began; loading and measuring are not in its time.</param>
    /// <param name="notes">More to say, by name.</param>
    public static int Report(Call call, string method, string output, string sourceName, LanguageModel source, (string Text, long Bytes)? text, long started, EnergyMeter meter, params (string Name, object Value)[] notes)
    {
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        EnergyUse energy = meter.Used;
        if (meter.WhyEstimated.Length > 0)
            call.Detail($"energy is estimated: {meter.WhyEstimated}");
        LanguageModel written = output.EndsWith(GgufModel.Extension, StringComparison.OrdinalIgnoreCase) ? GgufModel.LoadWithTokenizer(output) : ModelFolder.LoadFrozen(output);
        long bytes = written.Transformer.Weights().Sum(w => w.Weight is Linear linear ? linear.Bytes - 4L * (linear.Bias?.Length ?? 0) : 4L * ((Tensor)w.Weight).Length);
        (TextQuality? quality, TextQuality? before, TextComparison? comparison) = Measure(call, source, written, text);
        if (call.Json)
        {
            WriteJson(call, method, output, written.Parameters, bytes, seconds, energy, quality, before, comparison, notes);
            return Exit.Done;
        }
        call.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{output}: {method}, {written.Parameters:N0} parameters, {Format.Bytes(bytes)} of weights, {seconds:0.0} s, {EnergyFigures.Show(energy)}"));
        if (quality is not null)
            call.Out.WriteLine($"perplexity {quality.Perplexity:0.000} [{quality.Interval.Low:0.000}, {quality.Interval.High:0.000}]" + (before is null ? "" : $", {before.Perplexity:0.000} before"));
        if (comparison is { } c)
            call.Out.WriteLine($"divergence from {sourceName}: {c.Divergence.Mean:0.000000} nats a token; another token comes first at {100 * c.Flips.Value:0.00}%");
        foreach ((string name, object value) in notes)
            call.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {value}"));
        return Exit.Done;
    }

    private static (TextQuality? Quality, TextQuality? Before, TextComparison? Comparison) Measure(Call call, LanguageModel source, LanguageModel written, (string Text, long Bytes)? heldOut)
    {
        if (heldOut is not var (text, bytes))
            return default;
        using ProgressLine progress = call.Progress();
        bool check = call.Get(Check), same = source.Transformer.Spec.VocabularySize == written.Transformer.Spec.VocabularySize;
        TokenScore[] scores = Score(written.Transformer, check && same ? source.Transformer : null, written.Tokenizer);
        TextQuality quality = TextQuality.Of(scores, bytes);
        if (!check)
            return (quality, null, null);
        if (!same) // of other tokens: only what each makes of the text can be compared
            return (quality, TextQuality.Of(Score(source.Transformer, null, source.Tokenizer), bytes), null);
        return (quality, TextQuality.Of([.. scores.Select(s => new TokenScore(s.ReferenceLoss))], bytes), TextComparison.Of(scores));

        TokenScore[] Score(Transformer model, Transformer? reference, ITokenizer tokenizer)
        {
            int[] tokens = Tokens(tokenizer, text);
            int context = Math.Min(EvalPerplexityCommand.UsualContext, model.Spec.ContextLength);
            using var scorer = new TextScorer(model, reference);
            return scorer.Score(tokens, context, context, progress, call.Cancel);
        }
    }

    private static int[] Tokens(ITokenizer tokenizer, string text) => tokenizer.Encode(text) is { Length: >= 2 } tokens ? tokens
        : throw new CleaveException("--text: a text of fewer than two tokens has no perplexity");

    private static void WriteJson(Call call, string method, string output, long parameters, long bytes, double seconds, EnergyUse energy, TextQuality? quality, TextQuality? before,
        TextComparison? comparison, (string Name, object Value)[] notes) => call.WriteJson(w =>
    {
        w.WriteStartObject();
        w.WriteString("out", output);
        w.WriteString("method", method);
        w.WriteNumber("parameters", parameters);
        w.WriteNumber("weights_bytes", bytes);
        if (quality is not null)
        {
            w.WriteNumber("metric", quality.Perplexity);
            w.WriteString("metric_name", "perplexity");
            w.WriteNumber("bits_per_byte", quality.BitsPerByte);
        }
        if (before is not null)
        {
            w.WriteStartObject("check");
            w.WriteNumber("source_perplexity", before.Perplexity);
            w.WriteNumber("source_bits_per_byte", before.BitsPerByte);
            if (comparison is { } c)
            {
                w.WriteNumber("perplexity_ratio", c.PerplexityRatio);
                w.WriteNumber("mean_kl", c.Divergence.Mean);
                w.WriteNumber("flips", c.Flips.Value);
            }
            w.WriteEndObject();
        }
        w.WriteNumber("seconds", Math.Round(seconds, 3));
        EnergyFigures.Write(w, energy);
        foreach ((string name, object value) in notes)
        {
            if (value is double number)
                w.WriteNumber(name, number);
            else
                w.WriteString(name, value.ToString());
        }
        w.WriteEndObject();
    });
}
