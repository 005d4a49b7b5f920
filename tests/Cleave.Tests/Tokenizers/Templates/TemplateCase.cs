using System.Text.Json.Nodes;
using Cleave.Tokenizers.Templates;

namespace Cleave.Tests.Tokenizers.Templates;

/// <summary>Templates run as the golden values were made: on the afternoon of 7 March 2025.</summary>
internal static class TemplateCase
{
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "Golden", "Templates");

    public static JsonObject Golden(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, name)))!.AsObject();

    public static string Render(string source, JsonObject? variables = null, TemplateLimits? limits = null) =>
        ChatTemplate.Parse(source, "test").Render(variables ?? [], limits, new Clock());

    /// <summary>What the template renders, or null where it ends in a clean error.</summary>
    public static string? TryRender(string source, JsonObject? variables = null, TemplateLimits? limits = null)
    {
        try
        {
            return Render(source, variables, limits);
        }
        catch (TemplateException)
        {
            return null;
        }
    }

    private sealed class Clock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2025, 3, 7, 14, 5, 9, TimeSpan.Zero);
    }
}
