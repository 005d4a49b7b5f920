using Cleave.Serving.Tools;

namespace Cleave.Serving.Versions;

/// <summary>Says with the choice which version answers.</summary>
internal sealed class VersionSink(IResultSink sink, string hash) : IResultSink
{
    public void Chosen(ModuleChoice choice) => sink.Chosen(choice with { Version = hash });

    public void Reading(int promptTokens) => sink.Reading(promptTokens);

    public void Text(string piece) => sink.Text(piece);

    public void Text(string piece, IReadOnlyList<TokenScore> tokens) => sink.Text(piece, tokens);

    public void Call(ToolCallPiece piece) => sink.Call(piece);
}
