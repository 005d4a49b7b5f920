using System.Text.Json.Nodes;
using Cleave.Data;
using Cleave.Serving;
using Cleave.Serving.Versions;

namespace Cleave.Benchmarks.HttpFuzz;

/// <summary>A request that is right.</summary>
/// <param name="Body">Null for one without.</param>
/// <param name="Weight">How often it is taken, beside the others'.</param>
internal sealed record HttpRequestForm(string Method, string Path, JsonNode? Body, int Weight = 8);

/// <summary>Right requests to every route of a server.</summary>
internal static class HttpRequests
{
    private const string Schema = """{"type":"object","properties":{"a":{"type":"string","maxLength":5},"b":{"type":"array","items":{"enum":[1,2,"x"]},"maxItems":3},"c":{"$ref":"#/$defs/d"}},"required":["a"],"$defs":{"d":{"anyOf":[{"type":"null"},{"type":"integer","minimum":0,"maximum":99}]}}}""";
    private const string Tools = """[{"type":"function","function":{"name":"weather","description":"of a city","strict":true,"parameters":{"type":"object","properties":{"city":{"type":"string","pattern":"^[a-z]{1,9}$"}},"required":["city"],"additionalProperties":false}}},{"type":"function","function":{"name":"now"}}]""";
    private const string Talk = """[{"role":"system","content":"be brief"},{"role":"user","content":[{"type":"text","text":"where is my parcel, order 12345?"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"call12345","type":"function","function":{"name":"weather","arguments":"{\"city\":\"ulm\"}"}}]},{"role":"tool","tool_call_id":"call12345","content":"rain"},{"role":"user","content":"and now?"}]""";

    /// <param name="folder">What an administrator may load; a load reads a whole release, so it is rare.</param>
    public static IReadOnlyList<HttpRequestForm> To(IModuleHost host, string folder)
    {
        var forms = new List<HttpRequestForm>();
        foreach (string path in (string[])["/health", "/health/live", "/health/ready", "/metrics", "/openapi.json", "/dashboard", "/admin/stats", "/admin/versions", "/v1/models", $"/v1/models/{Uri.EscapeDataString(host.Modules[0].Name)}"])
            forms.Add(new HttpRequestForm("GET", path, null, Weight: 1));
        foreach (string model in host.Modules.Select(m => m.Name).Concat(host.CanRoute ? [ModuleRequest.Auto] : []))
        {
            Post("/v1/chat/completions", """{"messages":[{"role":"user","content":"where is my parcel, order 12345?"}],"max_tokens":4,"temperature":0.7,"top_p":0.9,"seed":7,"n":2,"stop":["x"],"user":"u"}""", model);
            Post("/v1/chat/completions", """{"messages":[{"role":"user","content":"hello"},{"role":"assistant","content":"hi"},{"role":"user","content":"order 1"}],"max_completion_tokens":3,"stream":true,"stream_options":{"include_usage":true},"logprobs":true,"top_logprobs":2}""", model);
            Post("/v1/chat/completions", """{"messages":[{"role":"user","content":"x"}],"max_tokens":40,"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":SCHEMA}}}""".Replace("SCHEMA", Schema, StringComparison.Ordinal), model);
            Post("/v1/chat/completions", """{"messages":TALK,"max_tokens":8,"tools":TOOLS,"tool_choice":{"type":"function","function":{"name":"weather"}},"parallel_tool_calls":false}"""
                .Replace("TALK", Talk, StringComparison.Ordinal).Replace("TOOLS", Tools, StringComparison.Ordinal), model);
            Post("/v1/completions", """{"prompt":"where is my parcel","max_tokens":3,"logprobs":2,"stop":"y","seed":-3,"best_of":1,"echo":false}""", model);
            Post("/v1/completions", """{"prompt":["please cancel order 5"],"max_tokens":2,"stream":true,"n":2,"response_format":{"type":"text"}}""", model);
            Post("/v1/embeddings", """{"input":["one text","another one"],"encoding_format":"base64","dimensions":64}""", model);
            Post("/v1/classify", """{"input":["where is my parcel","thanks"]}""", model);
            Post("/v1/extract", """{"input":"cancel order 31337 of Anna","question":"which order?"}""", model);
        }
        if (host is not VersionedHost versions)
            return forms;
        foreach (VersionState version in versions.State.Versions)
        {
            Change("promote", $$"""{"version":"{{version.Hash}}","force":true}""");
            Change("canary", $$"""{"version":"{{version.Hash[..12]}}","percent":20}""");
            Change("canary", $$"""{"version":"{{version.Hash}}","mode":"shadow"}""");
            Change("unload", $$"""{"version":"{{version.Hash}}"}""", weight: 1);
        }
        Change("canary", """{"mode":"off"}""");
        Change("rollback", "{}");
        Change("versions", new JsonObject { ["path"] = folder }.ToJsonString(), weight: 1);
        return forms;

        void Post(string path, string body, string model)
        {
            JsonObject document = JsonNode.Parse(body)!.AsObject();
            document.Insert(0, "model", model);
            forms.Add(new HttpRequestForm("POST", path, document));
        }

        void Change(string action, string body, int weight = 4) => forms.Add(new HttpRequestForm("POST", $"/admin/{action}", JsonNode.Parse(body), weight));
    }
}
