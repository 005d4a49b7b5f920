using System.Text.Json;
using Cleave.Data;
using Cleave.Serving;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>What can be asked: the modules, and <c>auto</c> where there is a router.</summary>
internal sealed class ModelsEndpoint(IModuleHost host)
{
    public Task List(HttpContext context) => JsonAnswer.Write(context.Response, 200,
        JsonSerializer.SerializeToUtf8Bytes(new ModelList("list", [.. Cards(context)]), ApiJson.Api.ModelList), context.RequestAborted);

    public Task Show(HttpContext context)
    {
        string id = (string)context.Request.RouteValues["id"]!;
        ModelCard card = Cards(context).FirstOrDefault(c => c.Id == id) ?? throw new UnknownModuleException(id, Cards(context).Select(c => c.Id));
        return JsonAnswer.Write(context.Response, 200, JsonSerializer.SerializeToUtf8Bytes(card, ApiJson.Api.ModelCard), context.RequestAborted);
    }

    // Those that the caller may ask.
    private IEnumerable<ModelCard> Cards(HttpContext context) => Cards().Where(c => RequestFacts.Of(context).Caller.MayAsk(c.Id));

    private IEnumerable<ModelCard> Cards()
    {
        foreach (ServedModule m in host.Modules)
            yield return new ModelCard(m.Name, "model", m.Created.ToUnixTimeSeconds(), "cleave", Kind(m.Kind), m.ContextLength);
        if (host.CanRoute)
        {
            yield return new ModelCard(ModuleRequest.Auto, "model", host.Modules.Max(m => m.Created).ToUnixTimeSeconds(), "cleave", "router",
                host.Modules.Max(m => m.ContextLength));
        }
    }

    /// <summary>A kind as the API calls it.</summary>
    internal static string Kind(TaskKind kind) => kind switch
    {
        TaskKind.Classify => "classify",
        TaskKind.Generate => "generate",
        TaskKind.Extract => "extract",
        _ => "language-model",
    };
}
