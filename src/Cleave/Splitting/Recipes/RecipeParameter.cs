using Cleave.Data;
using Cleave.Training.FineTuning.Options;
using Cleave.Tuning;

namespace Cleave.Splitting.Recipes;

/// <summary>One choice of a recipe: which values it may have, which of them a search looks through, and where it plays a part.</summary>
/// <param name="Name">As trials and <c>module.json</c> have it.</param>
/// <param name="Description">One sentence for people.</param>
/// <param name="Legal">Every value that makes sense for a task and its model; null where the choice is not there.</param>
/// <param name="Default">Of recipes that do not choose.</param>
public sealed record RecipeParameter(string Name, string Description, Func<RecipeScope, Parameter?> Legal, Func<RecipeScope, ParameterValue> Default)
{
    /// <summary>What a search looks through when the project says nothing of it; null for the default alone.</summary>
    public Func<RecipeScope, Parameter?> Usual { get; init; } = static _ => null;

    /// <summary>Another parameter and its values with which this one plays a part.</summary>
    public Func<RecipeScope, (string Parent, string[] Values)?> When { get; init; } = static _ => null;

    /// <summary>What a model needs for this choice, in words.</summary>
    public string Needs { get; init; } = "";

    /// <summary>Why a value cannot be had, where that needs more words than the values that can.</summary>
    public Func<RecipeScope, ParameterValue, string?> Refusal { get; init; } = static (_, _) => null;

    /// <summary>The name in project files.</summary>
    public string Key => Name.Replace('_', '-');

    /// <summary>The setting of a training that this is, or null.</summary>
    public Setting? Setting => FineTuneSettings.All.FirstOrDefault(s => s.Name == Key);

    /// <summary>The kinds of tasks that have the choice with this model.</summary>
    public IEnumerable<TaskKind> Kinds(RecipeScope scope) => Enum.GetValues<TaskKind>().Where(k => Legal(scope with { Kind = k }) is not null);
}
