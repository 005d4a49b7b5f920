using System.Text.Json;
using Cleave.Models.Bag;
using Cleave.Training.Bag;

namespace Cleave.Tests.Training.Bag;

public sealed class LazyAdamTests
{
    [Fact]
    public void Five_steps_are_PyTorchs()
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden/Bag/adam.json")));
        JsonElement root = golden.RootElement;
        int rows = root.GetProperty("rows").GetInt32(), dim = root.GetProperty("dim").GetInt32();
        var table = new NgramEmbedding(rows, dim, Matrix(root.GetProperty("start")));
        var adam = new LazyAdam(rows * dim);
        var gradient = new SparseGradient(rows, dim);
        int number = 0;
        foreach (JsonElement step in root.GetProperty("steps").EnumerateArray())
        {
            gradient.Reset();
            foreach ((JsonElement row, JsonElement values) in step.GetProperty("rows").EnumerateArray().Zip(step.GetProperty("gradient").EnumerateArray()))
                gradient.Add([row.GetInt32()], [1f], [.. values.EnumerateArray().Select(v => v.GetSingle())]);
            gradient.Close();
            adam.Step(table, gradient, root.GetProperty("rate").GetSingle(), ++number);
            foreach ((float expected, float actual) in Matrix(step.GetProperty("table")).Zip(table.Table))
                Assert.Equal(expected, actual, 1e-5);
        }
    }

    private static float[] Matrix(JsonElement rows)
        => [.. rows.EnumerateArray().SelectMany(row => row.EnumerateArray().Select(v => v.GetSingle()))];
}
