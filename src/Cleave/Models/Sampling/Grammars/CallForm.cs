namespace Cleave.Models.Sampling.Grammars;

/// <summary>How a JSON object names a function and holds its arguments.</summary>
/// <param name="Members">The names of the object's members, in order; those besides the two below may be left out.</param>
/// <param name="Name">The member that is the function's name.</param>
/// <param name="Arguments">The member that is the object of its arguments.</param>
/// <param name="IsList">Whether such objects stand in a list.</param>
public sealed record CallForm(IReadOnlyList<string> Members, string Name, string Arguments, bool IsList);
