using System.Diagnostics;
using System.Text.Json;
using Cleave.Tests.Cli;
using Cleave.Tests.Formats.Durable;
using YamlDotNet.RepresentationModel;

namespace Cleave.Tests.Server;

/// <summary>The chart rendered with the template engine and the functions that Helm is made of (tests/helm/render.go): what comes out is what Kubernetes and this program understand.</summary>
[Trait("Kernels", "unused")]
public sealed class HelmTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [HelmFact]
    public void What_is_rendered_is_what_the_published_API_says_and_its_parts_fit_together()
    {
        YamlNode[] all = Render("desk", "{}");
        Assert.Equal(["desk-intent", "desk-reply", "desk"], all.Select(Name).Distinct());
        Assert.Equal(12, all.Length);
        foreach (YamlNode document in all)
        {
            string kind = ManifestTests.Text(document, "kind"), version = ManifestTests.Text(document, "apiVersion");
            Assert.True(ManifestTests.Check(document, (version == "autoscaling/v2" ? "V2" : "V1") + kind) > 5);
        }
        foreach (IGrouping<string, YamlNode> server in all.GroupBy(Name))
        {
            Dictionary<string, YamlNode> by = server.ToDictionary(d => ManifestTests.Text(d, "kind"));
            YamlNode labels = ManifestTests.At(by["Deployment"], "spec", "template", "metadata", "labels");
            foreach (YamlNode selector in new[] { ManifestTests.At(by["Deployment"], "spec", "selector", "matchLabels"), ManifestTests.At(by["Service"], "spec", "selector"), ManifestTests.At(by["PodDisruptionBudget"], "spec", "selector", "matchLabels") })
                Assert.All((YamlMappingNode)selector, s => Assert.Equal(s.Value, ManifestTests.At(labels, ((YamlScalarNode)s.Key).Value!)));
            Assert.Equal(server.Key, ManifestTests.Text(by["HorizontalPodAutoscaler"], "spec", "scaleTargetRef", "name"));
            YamlNode metric = ManifestTests.At(by["HorizontalPodAutoscaler"], "spec", "metrics", 0, "pods", "metric");
            Assert.Equal(server.Key == "desk", !((YamlMappingNode)metric).Children.ContainsKey("selector"));
            if (server.Key != "desk")
                Assert.Equal(server.Key, $"desk-{ManifestTests.Text(metric, "selector", "matchLabels", "module")}");
            YamlNode pod = ManifestTests.At(by["Deployment"], "spec", "template", "spec");
            Assert.Equal(((YamlSequenceNode)ManifestTests.At(pod, "volumes")).Select(v => ManifestTests.Text(v, "name")),
                ((YamlSequenceNode)ManifestTests.At(pod, "containers", 0, "volumeMounts")).Select(m => ManifestTests.Text(m, "name")));
        }
        string[] router = Arguments(all, "desk");
        Assert.Equal(["intent=http://desk-intent:8080", "reply=http://desk-reply:8080"], router.Where((_, i) => i > 0 && router[i - 1] == "--remote"));
        Assert.DoesNotContain("--remote", Arguments(all, "desk-reply"));
        foreach (string name in new[] { "desk", "desk-intent" })
        {
            string error = CommandLine.Run(Arguments(all, name)).OneLineError(); // there are neither keys nor releases here, but every option is known
            Assert.Contains("/etc/cleave/keys:", error, StringComparison.Ordinal);
        }
    }

    [HelmFact]
    public void Values_change_what_is_rendered()
    {
        YamlNode[] all = Render("eu-1", """{"modules": [], "releases": {"onRelease": "canary:5"}, "image": {"repository": "registry.example/cleave", "tag": "2026.1"}, "router": {"maxReplicas": 9, "service": {"type": "LoadBalancer"}}}""");
        Assert.Equal(4, all.Length);
        YamlNode deployment = all.Single(d => ManifestTests.Text(d, "kind") == "Deployment");
        Assert.Equal("registry.example/cleave:2026.1", ManifestTests.Text(deployment, "spec", "template", "spec", "containers", 0, "image"));
        string[] args = Arguments(all, "eu-1");
        Assert.Equal("canary:5", args[Array.IndexOf(args, "--on-release") + 1]);
        Assert.DoesNotContain("--remote-key", args);
        Assert.Equal("9", ManifestTests.Text(all.Single(d => ManifestTests.Text(d, "kind") == "HorizontalPodAutoscaler"), "spec", "maxReplicas"));
        Assert.Equal("LoadBalancer", ManifestTests.Text(all.Single(d => ManifestTests.Text(d, "kind") == "Service"), "spec", "type"));
    }

    private static string Name(YamlNode document) => ManifestTests.Text(document, "metadata", "name");

    private static string[] Arguments(YamlNode[] all, string name) =>
        [.. ((YamlSequenceNode)ManifestTests.At(all.Single(d => ManifestTests.Text(d, "kind") == "Deployment" && Name(d) == name), "spec", "template", "spec", "containers", 0, "args")).Select(a => ((YamlScalarNode)a).Value!)];

    private YamlNode[] Render(string release, string overrides)
    {
        string values = _folder.File("values.json");
        File.WriteAllText(values, JsonSerializer.Serialize(JsonElement.Parse(overrides)));
        var start = new ProcessStartInfo(HelmFactAttribute.Go, ["run", Path.Combine(Shared.Repository, "tests", "helm", "render.go"), Path.Combine(AppContext.BaseDirectory, "deploy", "helm", "cleave"), release, values])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        (start.Environment["GO111MODULE"], start.Environment["GOPATH"], start.Environment["GOCACHE"]) = ("off", HelmFactAttribute.Packages, _folder.File("cache"));
        using Process go = Process.Start(start)!;
        Task<string> error = go.StandardError.ReadToEndAsync();
        var stream = new YamlStream();
        stream.Load(new StringReader(go.StandardOutput.ReadToEnd()));
        go.WaitForExit();
        Assert.True(go.ExitCode == 0, error.GetAwaiter().GetResult());
        return [.. stream.Documents.Select(d => d.RootNode).Where(n => n is YamlMappingNode)];
    }
}

/// <summary>A test that renders the chart; skipped, and said so, where Go and Sprig are not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class HelmFactAttribute : FactAttribute
{
    public const string Go = "/usr/bin/go", Packages = "/usr/share/gocode";

    public HelmFactAttribute() => Skip = File.Exists(Go) && Directory.Exists($"{Packages}/src/github.com/Masterminds/sprig") && Directory.Exists($"{Packages}/src/gopkg.in/yaml.v3")
        ? null : "needs Go and Sprig (apt-get install golang-go golang-github-masterminds-sprig-dev golang-gopkg-yaml.v3-dev)";
}
