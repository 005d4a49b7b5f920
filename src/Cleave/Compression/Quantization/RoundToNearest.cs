using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics.Quantized;

namespace Cleave.Compression.Quantization;

/// <summary>Rounds every matrix of a model to Q8_0: blocks of 32 int8 with one float16 scale.</summary>
public static class RoundToNearest
{
    /// <summary>
    /// Replaces the model's matrices in place. A matrix whose inputs are not a multiple of 32 stays as it is.
    /// </summary>
    public static void Quantize(Transformer model)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.ReplaceLinears((_, linear) => linear is DenseLinear dense && dense.Inputs % QuantizedMatrix.BlockSize == 0
            ? new QuantizedLinear(QuantizedMatrix.Quantize(BlockFormat.Q8_0, dense.Weight.Data, dense.Outputs, dense.Inputs), dense.Bias)
            : linear);
    }
}
