using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Splitting.Modules;

namespace Cleave.Splitting.Releases;

/// <summary>One model's folder in use without a release: a module, a monolith, or a published classifier. One request at a time.</summary>
public sealed class ModuleAnswers : IDisposable
{
    private readonly string _folder;
    private readonly IReadOnlyList<ITaskModule> _modules;

    private ModuleAnswers(string folder, IReadOnlyList<ITaskModule> modules) => (_folder, _modules) = (folder, modules);

    /// <exception cref="CleaveException">The folder is damaged, or answers for no task.</exception>
    public static ModuleAnswers Open(string folder) => new(folder, ModuleFolder.Load(folder));

    /// <summary>Answers one request.</summary>
    /// <param name="task">May be null where the model answers for one task only.</param>
    /// <exception cref="CleaveException">There is no such task, or several to choose from.</exception>
    public Answer Answer(Example request, string? task, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ITaskModule module = ModuleFolder.Choose(_modules, task, _folder, "--module");
        Prediction prediction = module.Predict([request], cancellation)[0];
        return new Answer(module.Task, module.Kind, module.Task, prediction, RouteConfidence: 1, Escalated: false) { ModuleConfidence = prediction.Confidence };
    }

    public void Dispose()
    {
        foreach (ITaskModule module in _modules)
            module.Dispose();
    }
}
