using Cleave.Models;
using Cleave.Serving.Pipelines;
using Cleave.Splitting.Releases;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace Cleave.Serving.Extensions;

/// <summary>Cleave in an application's services.</summary>
public static class CleaveServices
{
    /// <summary>
    /// Adds <see cref="IModuleHost"/> and <see cref="IChatClient"/> over a release's or model's folder, and for a model also
    /// <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/> over the same weights. The folder is read when they are first needed.
    /// </summary>
    /// <param name="path">A release's folder, a model's folder, or <c>starter</c> for the model that ships with Cleave.</param>
    public static IServiceCollection AddCleave(this IServiceCollection services, string path)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(path);
        services.AddSingleton<IChatClient>(s => new CleaveChatClient(s.GetRequiredService<IModuleHost>()));
        if (Release.IsRelease(path))
        {
            services.AddSingleton(_ => Release.Open(path));
            DateTimeOffset created = Written(Path.Combine(path, ReleaseWriter.ManifestName));
            services.AddSingleton(s => new ReleaseHost(s.GetRequiredService<Release>(), created));
            return services.AddSingleton<IModuleHost>(s => PipelineHost.Of(s.GetRequiredService<Release>(), s.GetRequiredService<ReleaseHost>(), created));
        }
        services.AddSingleton(_ => LocalModel.Load(path));
        services.AddSingleton<IModuleHost>(s => s.GetRequiredService<LocalModel>().Host());
        return services.AddSingleton<IEmbeddingGenerator<string, Embedding<float>>>(s =>
            s.GetRequiredService<LocalModel>().Embeddings());
    }

    private static DateTimeOffset Written(string file) => new(File.GetLastWriteTimeUtc(file));

    private sealed record LocalModel(LanguageModel Model, string Name, DateTimeOffset Created)
    {
        public LanguageModelHost Host() => new(Model, Name, Created);

        public CleaveEmbeddingGenerator Embeddings() => new(Model, Name);

        public static LocalModel Load(string path)
        {
            string folder = BaseModel.Find(path, Environment.CurrentDirectory);
            return new LocalModel(ModelFolder.Load(folder), Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
                Written(Path.Combine(folder, ModelFolder.Config)));
        }
    }
}
