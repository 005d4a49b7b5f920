using Cleave.Tuning.Launch;
using Cleave.Tuning.Storage;

namespace Cleave.Splitting;

/// <summary>How several processes work on one split. All of them see its output's folder and the project's files.</summary>
/// <param name="Catalog">Where the tasks' studies are; disposed by whoever made it.</param>
/// <param name="Worker">This process, for people.</param>
/// <param name="Launcher">Starts those that take the trials; null: this process takes them itself, beside those that join.</param>
/// <param name="Say">Takes a line for people.</param>
public sealed record SplitSharing(IStudyCatalog Catalog, string Worker, ILauncher? Launcher, Action<string>? Say);
