using System.Text.Json;
using Cleave.Serving;

namespace Cleave.Server.Http;

/// <summary>Plain completions.</summary>
internal sealed class TextAnswers(long created) : Answers($"cmpl-{Guid.NewGuid():N}", created)
{
    public override byte[] Whole(ModuleResult result) => Document(result.Choice, new TextChoice(0, result.Text, Finish(result)), Usage(result));

    public override byte[]? First(ModuleChoice choice) => null;

    public override byte[] Piece(ModuleChoice choice, string text) => Document(choice, new TextChoice(0, text));

    public override byte[] Last(ModuleResult result) => Document(result.Choice, new TextChoice(0, "", Finish(result)), null, Facts(result));

    public override byte[] Counts(ModuleResult result) => Document(result.Choice, null, Usage(result));

    private byte[] Document(ModuleChoice choice, TextChoice? part, Usage? usage = null, StreamFacts? facts = null) => JsonSerializer.SerializeToUtf8Bytes(
        new TextCompletion(Id, "text_completion", Created, choice.Module, part is null ? [] : [part], usage, facts), ApiJson.Api.TextCompletion);
}
