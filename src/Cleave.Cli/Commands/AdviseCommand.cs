using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Cli.Shell;
using Cleave.Formats.Yaml;
using Cleave.Proposing;
using Cleave.Serving.Extensions;
using Cleave.Splitting.Projects;
using Cleave.Splitting.Studies;
using Cleave.Tuning;
using Cleave.Tuning.Advice;
using Cleave.Tuning.Objectives;
using Cleave.Tuning.Samplers.Proposals;
using Cleave.Tuning.Storage;

namespace Cleave.Cli.Commands;

/// <summary><c>cleave advise</c>: what a request in plain words leaves of a search space, and what a model would try in it.</summary>
internal static class AdviseCommand
{
    private static readonly Argument<string> Target = new("PROJECT|STUDY") { Description = "A project's folder or file, or a study's file." };

    private static readonly Option<string?> Ask = new("--ask") { Description = "The request in plain words, in addition to what the file asks for.", HelpName = "TEXT" };

    private static readonly Option<string?> Model = new("--model") { Description = "The model to ask, in place of the file's: a model's folder or GGUF file, 'starter', with --endpoint a name, or 'proposer' for the built-in one, which needs neither words nor network.", HelpName = "NAME" };

    private static readonly Option<string?> Endpoint = new("--endpoint") { Description = "Where an OpenAI-compatible interface begins, such as http://127.0.0.1:8080/v1.", HelpName = "URL" };

    private static readonly Option<string?> Key = new("--key-variable") { Description = "The environment variable with the endpoint's key.", HelpName = "NAME" };

    private static readonly Option<int> Proposals = new("--proposals") { Description = "Parameter sets that the model is asked for, at most.", HelpName = "N", DefaultValueFactory = _ => Advisor.ProposalsAsked };

    public static Verb Create() => new Verb("advise", "Say what a request in plain words leaves of a search space, and what a model would try in it.")
    {
        Target, Ask, Model, Endpoint, Key, Proposals, SharedOptions.Json,
    }
    .Example("cleave advise train.yaml --ask \"learning rate between 1e-4 and 5e-6, batch size at least 32\"", "what is understood, without a model")
    .Example("cleave advise train.yaml --ask \"at most 10 epochs\" --endpoint http://127.0.0.1:8080/v1 --model qwen", "and what a server's model proposes")
    .Example("cleave advise train.yaml --model proposer", "what the built-in proposer would try next, from the study's trials so far")
    .Example("cleave advise samples/support-desk --ask \"at most 4 layers\" --json", "a project: each task's space and data")
    .Runs(Run);

    private static int Run(Call call)
    {
        int proposals = call.Positive(Proposals);
        string path = call.Get(Target);
        bool isProject = Directory.Exists(path) || YamlFile.Load(path).Root.Keys.Contains("tasks");
        Recommendation[] all;
        IReadOnlyList<string> yaml;
        if (isProject)
        {
            SplitProject project = ProjectReader.Load(path);
            IReadOnlyList<(StudyDefinition Study, SearchSpace Before, AdviceBriefing Briefing)> studies = ProjectAdvice.Studies(project, call.Get(Ask) ?? "");
            using ChatAdviceModel? model = Connect(call, project.Search.Advisor, project.Folder);
            all = [.. studies.Select(s => Recommend(call, model, project.Search.Advisor, s.Study, s.Briefing, [], Path.Combine(project.Folder, "advice"), proposals))];
            yaml = [.. all.Zip(studies, (r, s) => r.ToProjectYaml(s.Before))];
        }
        else
        {
            StudyFile file = StudyFile.Load(path);
            using ChatAdviceModel? model = Connect(call, file.Advisor, file.Folder);
            all = [OfStudy(call, file, model, proposals)];
            yaml = [all[0].ToStudyYaml()];
        }
        if (call.Json)
            call.WriteJson(w => w.WriteRawValue(new JsonArray([.. all.Zip(yaml, (r, y) => (JsonNode)WithYaml(r, y))]).ToJsonString()));
        else
            WriteText(call.Out, all, yaml, isProject);
        return all.Any(r => r.HasFailed) ? Exit.No : Exit.Done;
    }

    private static JsonObject WithYaml(Recommendation recommendation, string yaml)
    {
        JsonObject json = recommendation.ToJson();
        json["yaml"] = yaml;
        return json;
    }

    /// <summary>The model that the options name, else the file's; null where neither names one.</summary>
    private static ChatAdviceModel? Connect(Call call, AdvisorOptions? options, string folder)
    {
        options ??= AdvisorOptions.Default;
        if (AsksProposer(call))
            return null;
        if (call.Get(Model) is { } model)
        {
            // A path on the command line begins here, one in a file beside it.
            options = options with { Model = model, Endpoint = null, KeyVariable = null };
            folder = Environment.CurrentDirectory;
        }
        if (call.Get(Endpoint) is { } endpoint)
            options = options with { Endpoint = AdvisorOptions.EndpointOf(endpoint) ?? throw new CleaveException($"--endpoint is an address such as http://127.0.0.1:8080/v1, not '{endpoint}'") };
        if (call.Get(Key) is { } key)
            options = options with { KeyVariable = key };
        if (options.Endpoint is not null && options.Model is null)
            throw new CleaveException("--endpoint needs --model: the model's name there");
        return options.Model is null ? null : ChatAdviceModel.Connect(options, folder);
    }

    private static bool AsksProposer(Call call) => call.Get(Model) == ProposerSampler.SamplerName && call.Get(Endpoint) is null;

    /// <summary>What the built-in proposer would try next.</summary>
    private static AdviceExchange Propose(StudyDefinition study, IReadOnlyList<Trial> trials, int proposals)
    {
        int complete = trials.Count(t => t.State == TrialState.Complete);
        string reason = complete < ProposerSampler.StartupFor(study.Space) ? "spread evenly: too little is known yet" : $"the largest improvement to be expected from {complete} trials";
        IReadOnlyList<ParameterSet> sets = NextTrials.Of(new ProposerSampler(ProposerModel.Shipped()), study, trials, proposals);
        return new AdviceExchange(trials.Count, ProposerSampler.SamplerName, null, [.. sets.Select(s => new Proposal(s, reason, []))], []);
    }

    private static Recommendation OfStudy(Call call, StudyFile file, ChatAdviceModel? model, int proposals)
    {
        UnderstoodRequest said = RequestReader.Read(call.Get(Ask) ?? "", file.Definition.Space), both = new(
            string.Join("\n\n", new[] { file.Request.Text, said.Text }.Where(t => t.Length > 0)), [.. file.Request.Constraints, .. said.Constraints], [.. file.Request.Unread, .. said.Unread]);
        var study = new StudyDefinition(file.Definition.Name, SpaceNarrowing.Apply(file.Definition.Space, said.Constraints), file.Definition.Directions, file.Definition.Seed);
        string folder = Path.Combine(file.Folder, file.Definition.Name.Replace('/', '-') + ".study"), journal = JournalStudyStorage.FileOf(folder, file.Definition.Name);
        IReadOnlyList<Trial> trials = File.Exists(journal) ? JournalStudyStorage.Read(journal).Trials : [];
        return Recommend(call, model, file.Advisor, study, new AdviceBriefing($"{file.Definition.Name}: the parameters with which a command does best", null, both),
            [.. trials.Where(t => t.Parameters is not null && (t.Values.Count == 0 || t.Values.Count == study.Directions.Count))], folder, proposals);
    }

    private static Recommendation Recommend(Call call, ChatAdviceModel? model, AdvisorOptions? options, StudyDefinition study, AdviceBriefing briefing, IReadOnlyList<Trial> trials, string folder, int proposals)
    {
        if (AsksProposer(call))
            return new Recommendation(study, briefing, Propose(study, trials, proposals), []);
        if (model is null)
            return new Recommendation(study, briefing, null, []);
        call.Detail($"{study.Name}: asking {model.Name}");
        using var log = AdviceLog.Open(Path.Combine(folder, "recommendations.jsonl"), null);
        var advisor = new Advisor(model, briefing, log, (options ?? AdvisorOptions.Default).Timeout, TimeProvider.System);
        (AdviceExchange exchange, IReadOnlyList<ParameterConstraint> narrowings) = advisor.Recommend(study, trials, proposals, call.Cancel);
        return new Recommendation(study, briefing, exchange, narrowings);
    }

    private static void WriteText(TextWriter output, Recommendation[] all, IReadOnlyList<string> yaml, bool isProject)
    {
        for (int i = 0; i < all.Length; i++)
        {
            Recommendation one = all[i];
            output.WriteLine((i > 0 ? "\n" : "") + one.Study.Name);
            Section(output, "understood, for every trial", one.Briefing.Request.Constraints.Select(c => $"{c}   (\"{CleaveException.OneLine(c.Said)}\")"));
            Section(output, "left to the advisor's judgement", one.Briefing.Request.Unread.Select(u => $"\"{CleaveException.OneLine(u)}\""));
            Section(output, "data", (one.Briefing.Data ?? []).Select(m => $"{m.Key}: {CleaveException.OneLine(m.Value?.ToJsonString() ?? "")}"));
            Section(output, "space", one.Study.Space.Parameters.Select(p => $"{p.Name}: {p.Describe()}"
                + string.Concat(p.When.Select(c => $"; where {c.Parent} is {string.Join(" or ", c.Values)}"))));
            if (one.Exchange is { } exchange)
            {
                Section(output, $"proposed by {exchange.Model}", exchange.Proposals.Select(p => $"{p.Parameters}"
                    + (p.Reason.Length > 0 ? $"\n      {p.Reason}" : "") + string.Concat(p.Repairs.Select(r => $"\n      put right: {r}"))));
                Section(output, "it would also keep to", one.Narrowings.Select(n => $"{n}   ({n.Said})"));
                Section(output, "refused", exchange.Refused);
                if (exchange.Error is { } error)
                    output.WriteLine($"  no advice: {error}");
            }
            if (yaml[i].Length > 0)
                output.WriteLine($"  to paste into the {(isProject ? "project" : "study")}'s file\n    {yaml[i].TrimEnd().Replace("\n", "\n    ", StringComparison.Ordinal)}");
        }
    }

    private static void Section(TextWriter output, string title, IEnumerable<string> lines)
    {
        string[] all = [.. lines];
        if (all.Length == 0)
            return;
        output.WriteLine($"  {title}");
        foreach (string line in all)
            output.WriteLine("    " + line);
    }
}
