using System.Globalization;
using Cleave.Formats;

namespace Cleave.Training.FineTuning.Options;

/// <summary>One choice by its name: how a text becomes a value of the options, for command lines and files alike.</summary>
/// <param name="Name">In words joined by hyphens.</param>
/// <param name="Description">One sentence with the default.</param>
/// <param name="Placeholder">What a help page shows for the value.</param>
/// <param name="Set">Gives the options with the value; a <see cref="SettingException"/> where the text is none.</param>
public sealed record Setting(string Name, string Description, string Placeholder, Func<FineTuneOptions, string, FineTuneOptions> Set)
{
    internal static Setting Number(string name, string description, double low, double high, Func<FineTuneOptions, double, FineTuneOptions> set) => new(name, description, "X", (o, text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value >= low && value <= high ? set(o, value)
            : throw new SettingException(string.Create(CultureInfo.InvariantCulture, $"must be a number from {low} to {high}, not '{text}'")));

    internal static Setting Integer(string name, string description, int low, int high, Func<FineTuneOptions, int, FineTuneOptions> set) => new(name, description, "N", (o, text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= low && value <= high ? set(o, value)
            : throw new SettingException(string.Create(CultureInfo.InvariantCulture, $"must be a whole number from {low} to {high}, not '{text}'")));

    internal static Setting Choice(string name, string description, IReadOnlyList<string> choices, Func<FineTuneOptions, string, FineTuneOptions> set) =>
        new(name, description, string.Join('|', choices), (o, text) => choices.Contains(text) ? set(o, text) : throw new SettingException($"cannot be '{text}' ({Suggest.Hint(text, choices)})"));

    internal static Setting Flag(string name, string description, Func<FineTuneOptions, bool, FineTuneOptions> set) =>
        Choice(name, description, ["true", "false"], (o, text) => set(o, text == "true"));

    internal static Setting File(string name, string description, Func<FineTuneOptions, string, FineTuneOptions> set) => new(name, description, "FILE",
        (o, text) => text.Length > 0 ? set(o, text) : throw new SettingException("must be the path of a file"));

    internal static Setting Weights(string name, string description, Func<FineTuneOptions, string, FineTuneOptions> set) => new(name, description, "LABEL=X,...",
        (o, text) => text.Contains('=', StringComparison.Ordinal) ? set(o, text) : throw new SettingException($"must be labels with their weights such as urgent=4,spam=0.5, not '{text}'"));

    internal static Setting Words(string name, string description, Func<FineTuneOptions, IReadOnlyList<string>, FineTuneOptions> set) => new(name, description, "NAMES",
        (o, text) => set(o, [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)]));
}

/// <summary>A text is not a value of a setting; whoever read it adds the setting's name and place.</summary>
public sealed class SettingException(string message) : Exception(message);
