using System.Text.Json;

namespace Cleave.Server.Http;

/// <summary>Reads requests about texts: <c>model</c> and <c>input</c>, a string or an array of strings.</summary>
internal static class InputReader
{
    /// <summary>More texts than this in one request are refused.</summary>
    public const int MostTexts = 512;

    private static readonly string[] Common = ["model", "input", "user"];

    /// <param name="own">Members besides those.</param>
    /// <exception cref="ApiException">A member is missing, wrong or unknown.</exception>
    public static (string Model, string[] Texts) Read(JsonElement root, params string[] own)
    {
        foreach (JsonProperty member in root.EnumerateObject())
        {
            if (!Common.Contains(member.Name) && !own.Contains(member.Name) && member.Value.ValueKind != JsonValueKind.Null)
                throw ApiException.Invalid($"the parameter '{member.Name}' is not supported", member.Name, "unsupported_parameter");
        }
        string model = RequestReader.Model(root);
        JsonElement input = Body.Find(root, "input") ?? throw ApiException.Invalid("'input' is missing", "input");
        if (input.ValueKind == JsonValueKind.String)
            return (model, [Body.Text(input, "input")]);
        if (input.ValueKind != JsonValueKind.Array)
            throw Body.Wrong("input", "a string or an array of strings", input);
        if (input.GetArrayLength() is var count && count is 0 or > MostTexts)
            throw ApiException.Invalid($"'input' has {count} entries, but must have 1 to {MostTexts}", "input");
        return (model, [.. input.EnumerateArray().Select((t, i) => Body.Text(t, $"input[{i}]"))]);
    }
}
