using System.Runtime.InteropServices;
using System.Text.Json;
using Cleave.Serving;
using Microsoft.AspNetCore.Http;

namespace Cleave.Server.Http;

/// <summary>Texts as vectors.</summary>
internal sealed class EmbeddingEndpoint(IModuleHost host, Admission admission, WorkQueue queue, TimeProvider clock)
{
    public async Task Embed(HttpContext context)
    {
        using var deadline = new Deadline(context, clock);
        (string model, string[] texts) input;
        bool asBytes = false;
        int? dimensions;
        using (Body body = await Body.ReadAsync(context.Request, context.RequestAborted))
        {
            input = InputReader.Read(body.Root, "encoding_format", "dimensions");
            if (Body.Find(body.Root, "encoding_format") is { } format)
            {
                asBytes = Body.Text(format, "encoding_format") switch
                {
                    "float" => false,
                    "base64" => true,
                    var other => throw ApiException.Invalid($"the encoding format '{other}' is not supported; there are float and base64", "encoding_format", "unsupported_value"),
                };
            }
            dimensions = Body.Find(body.Root, "dimensions") is { } d ? Body.Whole(d, "dimensions", 1, int.MaxValue) : null;
        }
        CompletionEndpoint.CheckModel(host, RequestFacts.Of(context).Caller, input.model);
        IModuleHost admitted = admission.Admit(context, input.model);
        await deadline.Keep(async cancel =>
        {
            (IReadOnlyList<(float[] Vector, int Tokens)> made, _) = await QueuedWork.Run(queue, input.model, () => admitted.Embed(input.model, input.texts, cancel), cancel);
            if (dimensions is { } asked && made[0].Vector.Length != asked)
                throw ApiException.Invalid($"embeddings of {asked} numbers are asked for, but those of '{input.model}' have {made[0].Vector.Length}", "dimensions", "unsupported_value");
            RequestFacts facts = RequestFacts.Of(context);
            AnswerHeaders.SetChoice(context.Response, [facts.Choice! with { Version = context.Response.Headers[AnswerHeaders.Version] }], host.Version);
            AnswerHeaders.SetTimes(context.Response, facts.Waited ?? TimeSpan.Zero, facts.Compute);
            int tokens = made.Sum(m => m.Tokens);
            var list = new EmbeddingList("list", [.. made.Select((m, i) => new EmbeddingItem("embedding", i, Encoded(m.Vector, asBytes)))], input.model, new ReadUsage(tokens, tokens));
            await JsonAnswer.Write(context.Response, 200, JsonSerializer.SerializeToUtf8Bytes(list, ApiJson.Api.EmbeddingList), cancel);
        });
    }

    // Bytes are those of little-endian float32 numbers.
    private static JsonElement Encoded(float[] vector, bool asBytes) => asBytes
        ? JsonSerializer.SerializeToElement(Convert.ToBase64String(MemoryMarshal.AsBytes<float>(vector)), ApiJson.Api.String)
        : JsonSerializer.SerializeToElement(vector, ApiJson.Api.SingleArray);
}
