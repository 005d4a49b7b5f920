namespace Cleave.Tokenizers.PostProcessors;

/// <summary>What a model is given: the tokens of one or two texts with the control tokens around them.</summary>
/// <param name="Offsets">As <see cref="TokenizedText.Offsets"/>, each within its own text; (0, 0) for tokens that were added.</param>
/// <param name="TypeIds">Which text a token belongs to, as the model's template numbers them.</param>
/// <param name="IsSpecial">Whether the token was added around the text, or to fill it up.</param>
/// <param name="AttentionMask">0 for tokens that only fill up.</param>
public sealed record ModelInput(int[] Ids, (int Start, int End)[] Offsets, int[] TypeIds, bool[] IsSpecial, int[] AttentionMask);

/// <summary>Collects the tokens of a <see cref="ModelInput"/>.</summary>
internal sealed class ModelInputBuilder
{
    private readonly List<int> _ids = [], _types = [];
    private readonly List<(int, int)> _offsets = [];
    private readonly List<bool> _special = [];

    public void Add(TokenizedText text, int type)
    {
        _ids.AddRange(text.Ids);
        _offsets.AddRange(text.Offsets);
        _types.AddRange(Enumerable.Repeat(type, text.Ids.Length));
        _special.AddRange(Enumerable.Repeat(false, text.Ids.Length));
    }

    public void Add(int id, int type)
    {
        _ids.Add(id);
        _offsets.Add((0, 0));
        _types.Add(type);
        _special.Add(true);
    }

    public ModelInput Build() => new([.. _ids], [.. _offsets], [.. _types], [.. _special], [.. Enumerable.Repeat(1, _ids.Count)]);
}
