using System.Globalization;
using System.Text.RegularExpressions;
using Cleave.Server;
using Cleave.Tests.Cli;
using YamlDotNet.RepresentationModel;

namespace Cleave.Tests.Server;

/// <summary>What deploy/ says to Kubernetes is what Kubernetes and this program understand.</summary>
[Trait("Kernels", "unused")]
public sealed partial class ManifestTests
{
    private static readonly string Deploy = Path.Combine(AppContext.BaseDirectory, "deploy");

    private static readonly ILookup<string, string[]> Fields =
        File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Golden", "Server", "kubernetes-fields.tsv")).Select(l => l.Split('\t')).ToLookup(r => r[0]);

    private static YamlNode Read(string file)
    {
        var stream = new YamlStream();
        using var text = new StringReader(File.ReadAllText(Path.Combine(Deploy, file)));
        stream.Load(text);
        return Assert.Single(stream.Documents).RootNode;
    }

    // A node below, by the names and places that lead to it.
    internal static YamlNode At(YamlNode node, params object[] path) => path.Aggregate(node, (n, step) => step is int i ? ((YamlSequenceNode)n)[i] : ((YamlMappingNode)n)[(string)step]);

    internal static string Text(YamlNode node, params object[] path) => ((YamlScalarNode)At(node, path)).Value!;

    private static int Number(YamlNode node, params object[] path) => int.Parse(Text(node, path), CultureInfo.InvariantCulture);

    /// <summary>Every field is one that the published API has, of its type, and none that it requires is missing.</summary>
    [Theory]
    [InlineData("deployment", "apps/v1", "V1Deployment", 70)]
    [InlineData("service", "v1", "V1Service", 8)]
    [InlineData("poddisruptionbudget", "policy/v1", "V1PodDisruptionBudget", 6)]
    [InlineData("horizontalpodautoscaler", "autoscaling/v2", "V2HorizontalPodAutoscaler", 20)]
    public void Manifests_are_what_the_published_API_says(string name, string version, string type, int least)
    {
        YamlNode root = Read($"kubernetes/{name}.yaml");
        Assert.Equal((version, type[2..]), (Text(root, "apiVersion"), Text(root, "kind")));
        int fields = Check(root, type);
        Assert.True(fields >= least, $"{fields}");
    }

    [Fact]
    public void The_parts_fit_together_and_with_the_server()
    {
        YamlNode deployment = Read("kubernetes/deployment.yaml"), pod = At(deployment, "spec", "template", "spec"), container = At(pod, "containers", 0);
        string labels = At(deployment, "spec", "template", "metadata", "labels").ToString();
        Assert.Equal(labels, At(deployment, "spec", "selector", "matchLabels").ToString());
        Assert.Equal(labels, At(Read("kubernetes/service.yaml"), "spec", "selector").ToString());
        Assert.Equal(labels, At(Read("kubernetes/poddisruptionbudget.yaml"), "spec", "selector", "matchLabels").ToString());
        Assert.Equal(Text(deployment, "metadata", "name"), Text(Read("kubernetes/horizontalpodautoscaler.yaml"), "spec", "scaleTargetRef", "name"));
        Assert.Equal(Text(container, "ports", 0, "name"), Text(Read("kubernetes/service.yaml"), "spec", "ports", 0, "targetPort"));
        var drain = new ServerOptions().Drain;
        Assert.True(Number(pod, "terminationGracePeriodSeconds") > Number(container, "lifecycle", "preStop", "sleep", "seconds") + drain.TotalSeconds);
        Assert.True(Number(container, "lifecycle", "preStop", "sleep", "seconds") > Number(container, "readinessProbe", "periodSeconds"));
        Assert.Equal("true", Text(container, "securityContext", "readOnlyRootFilesystem"));
        string[] mounts = [.. ((YamlSequenceNode)At(container, "volumeMounts")).Select(m => Text(m, "name"))];
        Assert.Equal(((YamlSequenceNode)At(pod, "volumes")).Select(v => Text(v, "name")), mounts);
    }

    [Fact]
    public async Task What_is_probed_and_measured_is_there_and_the_command_line_is_understood()
    {
        YamlNode container = At(Read("kubernetes/deployment.yaml"), "spec", "template", "spec", "containers", 0);
        await using RunningServer server = await RunningServer.StartAsync(new WordHost());
        foreach (string probe in new[] { "startupProbe", "readinessProbe", "livenessProbe" })
            Assert.True((await server.Client.GetAsync(Text(container, probe, "httpGet", "path"))).IsSuccessStatusCode);
        await server.Post("/v1/completions", "{\"model\":\"reply\",\"prompt\":\"a\"}");
        string metrics = await server.Client.GetStringAsync("/metrics");
        foreach (YamlNode metric in (YamlSequenceNode)At(Read("kubernetes/horizontalpodautoscaler.yaml"), "spec", "metrics"))
            Assert.Contains($"\n{Text(metric, "pods", "metric", "name")}{{module=\"", metrics, StringComparison.Ordinal);
        string[] args = [.. ((YamlSequenceNode)At(container, "args")).Select(a => Text(a))];
        CommandLine run = CommandLine.Run(args);
        Assert.Equal(2, run.Status); // there are neither keys nor releases here, but every option is known
        Assert.StartsWith("/etc/cleave/keys:", run.OneLineError().Replace("cleave: ", "", StringComparison.Ordinal).Replace("error: ", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    /// <summary>Without Helm: what it takes from its values is there, and what it says to the program is known.</summary>
    [Fact]
    public void The_charts_templates_ask_for_values_that_there_are()
    {
        YamlNode values = Read("helm/cleave/values.yaml");
        string templates = string.Concat(Directory.GetFiles(Path.Combine(Deploy, "helm", "cleave", "templates")).Order(StringComparer.Ordinal).Select(File.ReadAllText));
        string[] asked = [.. Value().Matches(templates).Select(m => m.Groups[1].Value).Distinct(StringComparer.Ordinal)];
        Assert.True(asked.Length >= 10, string.Join(' ', asked));
        Assert.All(asked, path => At(values, [.. path.Split('.')]));
        YamlNode[] scales = [At(values, "router"), .. (YamlSequenceNode)At(values, "modules")];
        foreach (string name in Scale().Matches(templates).Select(m => m.Groups[1].Value).Distinct(StringComparer.Ordinal))
            Assert.All(scales, s => At(s, name));
        foreach (string option in Option().Matches(templates).Select(m => m.Groups[1].Value))
            Assert.Contains(option, CommandLine.Run("serve", "--help").Output, StringComparison.Ordinal);
        Assert.Equal(("v2", "cleave", "application"), (Text(Read("helm/cleave/Chart.yaml"), "apiVersion"), Text(Read("helm/cleave/Chart.yaml"), "name"), Text(Read("helm/cleave/Chart.yaml"), "type")));
    }

    /// <summary>Every field is one that the published API has, of its type, and none that it requires is missing.</summary>
    /// <returns>How many values there are.</returns>
    internal static int Check(YamlNode node, string type)
    {
        if (type[0] == '[')
            return Assert.IsType<YamlSequenceNode>(node).Sum(v => Check(v, type[1..^1]));
        if (type[0] == '{')
            return Assert.IsType<YamlMappingNode>(node).Sum(m => Check(m.Value, type[1..^1]));
        if (node is YamlScalarNode scalar)
        {
            string kind = scalar.Style is not YamlDotNet.Core.ScalarStyle.Plain ? "string" : int.TryParse(scalar.Value, out _) ? "number" : scalar.Value is "true" or "false" ? "boolean" : "string";
            Assert.True(type == kind || (type == "IntOrString" && kind is "number" or "string"), $"{scalar.Value} is a {kind}, not a {type}");
            return 1;
        }
        Assert.True(Fields.Contains(type), $"the table has no {type}");
        var fields = Fields[type].ToDictionary(r => r[1]);
        var given = Assert.IsType<YamlMappingNode>(node);
        Assert.All(fields.Values.Where(r => r[3] == "required"), r => Assert.True(given.Children.ContainsKey(r[1]), $"{type} lacks {r[1]}"));
        return given.Sum(m =>
        {
            string name = ((YamlScalarNode)m.Key).Value!;
            Assert.True(fields.ContainsKey(name), $"{type} has no {name}");
            return Check(m.Value, fields[name][2]);
        });
    }

    [GeneratedRegex(@"\.Values\.([A-Za-z.]+)")]
    private static partial Regex Value();

    [GeneratedRegex(@"\.scale\.([A-Za-z]+)")]
    private static partial Regex Scale();

    [GeneratedRegex(@"- (--[a-z-]+)")]
    private static partial Regex Option();
}
