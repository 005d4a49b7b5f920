using Cleave.Data;
using Cleave.Models;
using Cleave.Splitting.Modules;
using Cleave.Splitting.Projects;

namespace Cleave.Splitting.Monoliths;

/// <summary>The base fine-tuned on every task: what a module must not be worse than. Loaded from its folder, as it would be served.</summary>
public sealed class Monolith : IDisposable
{
    private readonly Dictionary<string, TransformerModule> _views;

    private Monolith(IReadOnlyList<ITaskModule> views, MonolithOptions options, string folder)
    {
        _views = views.Cast<TransformerModule>().ToDictionary(v => v.Task, StringComparer.Ordinal);
        (Options, Folder) = (options, folder);
        Model = _views.Values.First().Model;
    }

    public LanguageModel Model { get; }
    public MonolithOptions Options { get; }
    public string Folder { get; }

    /// <summary>Bytes of the whole: one transformer, and the n-grams of every classification task.</summary>
    public long WeightBytes => _views.Values.First().StoredBytes + _views.Values.Sum(v => v.Beside?.WeightBytes ?? 0);

    public long Parameters => Model.Parameters + _views.Values.Sum(v => v.Beside?.Parameters ?? 0);

    public static Monolith Load(string folder, MonolithOptions options) => new(ModuleFolder.LoadTrainable(folder), options, folder);

    /// <summary>The monolith as it answers for one task.</summary>
    public TransformerModule View(string task) => _views[task];

    public void Dispose()
    {
        foreach (TransformerModule view in _views.Values)
            view.Dispose();
    }
}
