using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Formats.Durable;

namespace Cleave.Tuning.Launch;

/// <summary>What a worker is in a cluster.</summary>
/// <param name="Image">The container image, which has the program and the study's command in its working directory.</param>
/// <param name="Namespace">Null for kubectl's own.</param>
/// <param name="Secret">A Secret whose key <c>storage</c> is the address of the studies; null where the command line has it.</param>
/// <param name="Volume">A PersistentVolumeClaim and where the workers see it; null for none.</param>
public sealed record KubernetesOptions(string Image, string? Namespace, string? Secret, (string Claim, string Path)? Volume = null);

/// <summary>Workers as one indexed Job (https://kubernetes.io/docs/concepts/workloads/controllers/job/), created and followed with kubectl.</summary>
public sealed class KubernetesLauncher(WorkerJob job, KubernetesOptions options) : ILauncher
{
    /// <summary>The environment variable that stands for <c>--storage</c>.</summary>
    public const string StorageVariable = "CLEAVE_STORAGE";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private string ManifestPath => Path.Combine(job.Out, "workers.job.json");

    public string Preview => Manifest().ToJsonString(Indented) + "\n";

    public ILaunchedWorkers Launch()
    {
        AtomicFile.WriteText(ManifestPath, Preview);
        // Created, not applied: a Job cannot be changed, and each launch is a new one.
        string name = Tool.Run("kubectl", [.. Namespace, "create", "-f", ManifestPath, "-o", "name"]).Trim();
        return new Workers(name, Namespace);
    }

    private string[] Namespace => options.Namespace is { } space ? ["--namespace", space] : [];

    private JsonObject Manifest()
    {
        var labels = new JsonObject { ["app.kubernetes.io/name"] = "cleave", ["app.kubernetes.io/component"] = "worker", ["app.kubernetes.io/instance"] = Name(job.Study) };
        var container = new JsonObject
        {
            ["name"] = "worker",
            ["image"] = options.Image,
            ["args"] = new JsonArray([.. job.Program.Skip(1).Select(a => JsonValue.Create(a))]),
            ["command"] = new JsonArray(job.Program[0]),
        };
        if (options.Secret is { } secret)
        {
            container["env"] = new JsonArray(new JsonObject
            {
                ["name"] = StorageVariable,
                ["valueFrom"] = new JsonObject { ["secretKeyRef"] = new JsonObject { ["name"] = secret, ["key"] = "storage" } },
            });
        }
        var pod = new JsonObject { ["restartPolicy"] = "OnFailure", ["containers"] = new JsonArray(container) };
        if (options.Volume is var (claim, path))
        {
            container["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "shared", ["mountPath"] = path });
            pod["volumes"] = new JsonArray(new JsonObject { ["name"] = "shared", ["persistentVolumeClaim"] = new JsonObject { ["claimName"] = claim } });
        }
        return new JsonObject
        {
            ["apiVersion"] = "batch/v1",
            ["kind"] = "Job",
            ["metadata"] = new JsonObject { ["generateName"] = $"cleave-{Name(job.Study)}-", ["labels"] = labels.DeepClone() },
            ["spec"] = new JsonObject
            {
                ["completionMode"] = "Indexed",
                ["completions"] = job.Count,
                ["parallelism"] = job.Count,
                ["backoffLimit"] = 3 * job.Count,
                ["ttlSecondsAfterFinished"] = 24 * 60 * 60,
                ["template"] = new JsonObject
                {
                    ["metadata"] = new JsonObject { ["labels"] = labels },
                    ["spec"] = pod,
                },
            },
        };
    }

    /// <summary>A study's name as part of a DNS label (RFC 1123), short enough for what Kubernetes adds.</summary>
    private static string Name(string study)
    {
        string name = string.Concat(study.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')).Trim('-');
        return name.Length == 0 ? "study" : name.Length <= 40 ? name : name[..40].TrimEnd('-');
    }

    private sealed class Workers(string name, string[] space) : ILaunchedWorkers
    {
        private readonly string _kubectl = string.Join(' ', ["kubectl", .. space]);

        public string Description => $"{name} ({_kubectl} delete {name} ends them)";

        public string Logs => $"{_kubectl} logs {name} --prefix --all-pods";

        public bool AnyLeft()
        {
            string answer;
            try
            {
                answer = Tool.Run("kubectl", [.. space, "get", name, "-o", "json"]);
            }
            catch (CleaveException e) when (e.Message.Contains("(NotFound)", StringComparison.Ordinal))
            {
                return false; // somebody has deleted the job
            }
            JsonNode? conditions = JsonNode.Parse(answer)?["status"]?["conditions"];
            return conditions is not JsonArray list || !list.Any(c => c?["type"]?.GetValue<string>() is "Complete" or "Failed" && c["status"]?.GetValue<string>() == "True");
        }

        public void Dispose()
        {
            // They go on without the one that started them.
        }
    }
}
