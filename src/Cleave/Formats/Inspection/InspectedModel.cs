namespace Cleave.Formats.Inspection;

/// <summary>What a model file or folder holds, for showing to people.</summary>
/// <param name="Kind"><c>safetensors</c>, <c>gguf</c> or <c>huggingface</c>.</param>
/// <param name="Parameters">Elements of the tensors of floating-point and 8-bit numbers.</param>
/// <param name="WeightBytes">Bytes of all tensors.</param>
public sealed record InspectedModel(
    string Path, string Kind, long Parameters, long WeightBytes, IReadOnlyList<InspectedFile> Files,
    IReadOnlyList<InspectedTensor> Tensors, InspectedConfig? Config, InspectedTokenizer? Tokenizer);

/// <param name="Metadata">Of a safetensors file; empty for others.</param>
public sealed record InspectedFile(string Name, long Bytes, IReadOnlyDictionary<string, string> Metadata);

/// <param name="DType">As the file names it.</param>
public sealed record InspectedTensor(string Name, string DType, IReadOnlyList<long> Shape, long Elements, long Bytes, string File);

/// <param name="Settings">The plain values of config.json, or the keys of a GGUF file, in their order, as JSON text.</param>
public sealed record InspectedConfig(string ModelType, IReadOnlyList<string> Architectures, IReadOnlyList<KeyValuePair<string, string>> Settings);

/// <param name="Kind">The model's type in tokenizer.json, such as BPE, or in a GGUF file, such as gpt2.</param>
/// <param name="Merges">Null for a kind that has none.</param>
public sealed record InspectedTokenizer(string Kind, int VocabularySize, int? Merges, IReadOnlyList<string> SpecialTokens, long Bytes);
