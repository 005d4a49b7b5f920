namespace Cleave.Models.Bag;

/// <summary>One tensor of a saved bag, little-endian.</summary>
/// <param name="Type">Its safetensors type: I8, U8, I64, F16 or F32.</param>
public sealed record BagTensor(string Name, string Type, long[] Shape, ReadOnlyMemory<byte> Data);
