using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Formats.Durable;
using Cleave.Json;
using Cleave.Tokenizers.Templates;

namespace Cleave.Formats.HuggingFace;

/// <summary>
/// The chat template of a model folder: <c>chat_template.jinja</c>, or else <c>chat_template</c> in
/// <c>tokenizer_config.json</c>, where it is a text or a list of named templates of which <c>default</c> is taken.
/// </summary>
public static class ChatFormatFiles
{
    public const string TemplateName = "chat_template.jinja";

    private static readonly string[] Roles = ["bos_token", "eos_token", "pad_token", "unk_token"];

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The folder's template and control tokens, or null where it has no template.</summary>
    /// <exception cref="ModelFileException">A file is damaged.</exception>
    /// <exception cref="TemplateException">The template is not one, or uses what is not supported.</exception>
    public static ChatFormat? Load(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        string configPath = Path.Combine(folder, TokenizerFolder.ConfigName), alone = Path.Combine(folder, TemplateName);
        JsonCursor? config = File.Exists(configPath) ? JsonFile.Load(configPath) : null;
        (string Source, string Origin)? found = File.Exists(alone)
            ? (Encoding.UTF8.GetString(JsonFile.ReadBytes(alone, 4L * TemplateLimits.MaxSource)), alone)
            : config?.Find("chat_template") is { } inside && Default(inside) is { } source ? (source, configPath) : null;
        if (found is null)
            return null;
        var tokens = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string role in Roles)
        {
            if (config?.Find(role) is { } name)
                tokens[role] = (name.Kind == JsonValueKind.Object ? name["content"] : name).Text();
        }
        return new ChatFormat(ChatTemplate.Parse(found.Value.Source, found.Value.Origin), tokens);
    }

    /// <summary>Writes <c>tokenizer_config.json</c> with the template and the control tokens.</summary>
    public static void Save(string folder, ChatFormat format)
    {
        ArgumentNullException.ThrowIfNull(format);
        var config = new JsonObject();
        foreach ((string role, string token) in format.SpecialTokens)
            config[role] = token;
        config["chat_template"] = format.Template.Source;
        config["tokenizer_class"] = "PreTrainedTokenizerFast";
        AtomicFile.WriteText(Path.Combine(folder, TokenizerFolder.ConfigName), config.ToJsonString(Indented) + "\n");
    }

    private static string? Default(JsonCursor template)
    {
        if (template.Kind != JsonValueKind.Array)
            return template.Text();
        JsonCursor? chosen = template.Items().FirstOrDefault(t => t["name"].Text() == "default") ?? template.Items().FirstOrDefault();
        return chosen?["template"].Text();
    }
}
