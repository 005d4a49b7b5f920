using System.Text.Json;
using Cleave.Data;
using Cleave.Serving;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>Labels and spans of texts, without the form of a conversation.</summary>
internal sealed class JudgementEndpoint(IModuleHost host, Admission admission, WorkQueue queue, TimeProvider clock)
{
    public Task Classify(HttpContext context) => Handle(context, TaskKind.Classify);

    public Task Extract(HttpContext context) => Handle(context, TaskKind.Extract);

    private async Task Handle(HttpContext context, TaskKind kind)
    {
        using var deadline = new Deadline(context, clock);
        (string model, string[] texts) input;
        string? question = null;
        using (Body body = await Body.ReadAsync(context.Request, context.RequestAborted))
        {
            input = kind == TaskKind.Extract ? InputReader.Read(body.Root, "question") : InputReader.Read(body.Root);
            if (Body.Find(body.Root, "question") is { } asked)
                question = Body.Text(asked, "question");
        }
        CompletionEndpoint.CheckModel(host, RequestFacts.Of(context).Caller, input.model);
        CheckKind(input.model, kind);
        IModuleHost admitted = admission.Admit(context, input.model);
        ModuleRequest[] requests = [.. input.texts.Select(t => Request(input.model, t, question) with { IsHeardWhole = true, Deadline = deadline.At })];
        await deadline.Keep(async cancel =>
        {
            (IReadOnlyList<ModuleResult> results, TimeSpan waited) = await QueuedWork.Run(queue, input.model, () => admitted.Judge(requests, cancel), cancel);
            foreach (ModuleResult result in results)
                CheckKind(result.Choice.Task, kind); // what the router chose
            await Write(context.Response, input.model, [.. results.Select(r => r with { Waited = r.Waited + waited })], kind, cancel);
        });
    }

    private static ModuleRequest Request(string model, string text, string? question) => question is null ? new ModuleRequest { Module = model, Prompt = text }
        : new ModuleRequest { Module = model, Messages = [new ChatMessage(ChatRole.System, question), new ChatMessage(ChatRole.User, text)] };

    private void CheckKind(string model, TaskKind kind)
    {
        if (host.Modules.FirstOrDefault(m => m.Name == model) is { } module && module.Kind != kind)
            throw ApiException.Invalid($"'{model}' does not {(kind == TaskKind.Classify ? "classify" : "extract")}: its kind is {ModelsEndpoint.Kind(module.Kind)}", "model", "unsupported_value");
    }

    private Task Write(HttpResponse response, string model, ModuleResult[] results, TaskKind kind, CancellationToken cancel)
    {
        AnswerHeaders.SetCost(response, results);
        AnswerHeaders.SetVersion(response, results.Select(r => r.Choice), host.Version);
        int tokens = results.Sum(r => r.PromptTokens);
        Judgement[] judged = [.. results.Select((r, i) => new Judgement(i, kind == TaskKind.Classify ? r.Text : null, kind == TaskKind.Extract ? JsonElement.Parse(r.Text) : null,
            r.Confidence, r.Choice.Module, r.Choice.Task, AnswerHeaders.NameOf(r.Choice.Route)))];
        return JsonAnswer.Write(response, 200, JsonSerializer.SerializeToUtf8Bytes(new Judgements("list", model, judged, new ReadUsage(tokens, tokens)), ApiJson.Api.Judgements), cancel);
    }
}
