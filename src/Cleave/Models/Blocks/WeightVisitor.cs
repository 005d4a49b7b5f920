using Cleave.Numerics.Tensors;

namespace Cleave.Models.Blocks;

/// <summary>Sees every weight of a model in the order of its file.</summary>
internal class WeightVisitor
{
    /// <summary>A norm, a bias or a table of positions.</summary>
    public virtual void Tensor(string name, Tensor tensor) { }

    /// <summary>A matrix without its bias; returns what stands in its place from now on.</summary>
    /// <param name="replaceable">False for what must stay as it is, such as a router.</param>
    protected internal virtual Linear Matrix(string name, Linear linear, bool replaceable) => linear;

    /// <summary>A matrix and its bias.</summary>
    public Linear Linear(string name, Linear linear, bool replaceable = true)
    {
        Linear result = Matrix(name, linear, replaceable);
        if (linear.Bias is not null)
            Tensor(WeightNames.BiasOf(name), linear.Bias);
        return result;
    }
}

/// <summary>Shows another visitor an encoder's weights, by the names that they have beside a decoder.</summary>
internal sealed class EncoderWeights(WeightVisitor inner) : WeightVisitor
{
    public override void Tensor(string name, Tensor tensor) => inner.Tensor(WeightNames.EncoderPrefix + name, tensor);

    protected internal override Linear Matrix(string name, Linear linear, bool replaceable) => inner.Matrix(WeightNames.EncoderPrefix + name, linear, replaceable);
}

/// <summary>Lists the weights.</summary>
internal sealed class WeightList : WeightVisitor
{
    public List<(string Name, object Weight)> Items { get; } = [];

    public override void Tensor(string name, Tensor tensor) => Items.Add((name, tensor));

    protected internal override Linear Matrix(string name, Linear linear, bool replaceable)
    {
        Items.Add((name, linear));
        return linear;
    }
}

/// <summary>Puts other matrices in the places of those that may be replaced.</summary>
internal sealed class WeightReplacement(Func<string, Linear, Linear> choose) : WeightVisitor
{
    protected internal override Linear Matrix(string name, Linear linear, bool replaceable)
    {
        if (!replaceable)
            return linear;
        Linear replacement = choose(name, linear);
        return replacement.Inputs == linear.Inputs && replacement.Outputs == linear.Outputs ? replacement
            : throw new ArgumentException($"{name}: a replacement of ({replacement.Outputs}, {replacement.Inputs}) for ({linear.Outputs}, {linear.Inputs})");
    }
}
