using System.Text.Json.Nodes;
using Cleave.Numerics;
using Cleave.Tuning;
using FsCheck;
using FsCheck.Fluent;

namespace Cleave.Tests.Tuning;

public sealed class SearchSpaceTests
{
    [Fact]
    public void Every_unit_coordinate_becomes_a_value_of_the_parameter()
    {
        NumericParameter[] parameters = [
            new FloatParameter("a", -5, 10), new FloatParameter("b", 1e-5, 1e-1, log: true), new FloatParameter("c", 0, 0.35, step: 0.1),
            new IntParameter("d", 1, 12), new IntParameter("e", 1, 1000, log: true), new IntParameter("f", 3, 100, step: 7), new FloatParameter("g", 2, 2),
            new FloatParameter("h", 0.1, 1.7, step: 0.2)];
        foreach (NumericParameter p in parameters)
        {
            Check.QuickThrowOnFailure(Prop.ForAll(ArbMap.Default.ArbFor<double>().Filter(double.IsFinite), u =>
            {
                double value = p.FromUnit(u), middle = p.FromUnit(Math.Abs(u % 1));
                return p.Contains(value) && p.Contains(middle) && p.ToUnit(middle) is >= 0 and <= 1
                    && Math.Abs(p.FromUnit(p.ToUnit(middle)) - middle) <= 1e-12 * Math.Abs(middle);
            }));
            Assert.False(p.Contains(double.BitDecrement(p.Low)));
            Assert.False(p.Contains(double.BitIncrement(p.High)));
            Assert.False(p.Contains("text"));
        }
        Assert.Equal(0.3, parameters[2].High, 12);
        Assert.False(parameters[3].Contains(2.5));
        Assert.Equal([null, null, 4L, 12L, 1000L, 14L, 1L, 9L], parameters.Select(p => p.Count));
    }

    [Fact]
    public void Steps_have_equal_shares_of_the_unit_interval()
    {
        var die = new IntParameter("die", 1, 6);
        int[] counts = new int[7];
        for (int i = 0; i < 6000; i++)
            counts[(int)die.FromUnit((i + 0.5) / 6000)]++;
        Assert.Equal([0, 1000, 1000, 1000, 1000, 1000, 1000], counts);
    }

    [Fact]
    public void Sets_are_equal_in_any_order_and_come_back_from_json()
    {
        Check.QuickThrowOnFailure(Prop.ForAll(ArbMap.Default.ArbFor<ulong>(), seed =>
        {
            var rng = new Rng(seed);
            var items = Enumerable.Range(0, 1 + rng.NextInt(6)).Select(i => KeyValuePair.Create($"p{i} \"ü{(char)rng.NextInt(200)}", rng.NextInt(4) switch
            {
                0 => ParameterValue.FromNumber(BitConverter.UInt64BitsToDouble(rng.NextUInt64()) is var d && double.IsFinite(d) ? d : 0.1),
                1 => ParameterValue.FromNumber(rng.NextInt(1000) - 500),
                2 => ParameterValue.FromText($"{rng.NextDouble()}"),
                _ => ParameterValue.FromFlag(rng.NextInt(2) == 0),
            })).ToArray();
            var set = new ParameterSet(items);
            var turned = new ParameterSet(items.Reverse());
            ParameterSet back = ParameterSet.Parse(set.ToCanonicalText());
            return set.Equals(back) && set.Equals(turned) && set.GetHashCode() == turned.GetHashCode()
                && back.ToCanonicalText() == turned.ToCanonicalText() && set.ToJson().Select(m => m.Key).SequenceEqual(items.Select(i => i.Key));
        }));
        Assert.NotEqual(new ParameterSet([new("x", 1)]), new ParameterSet([new("x", "1")]));
        Assert.NotEqual(new ParameterSet([new("x", 1)]), new ParameterSet([new("x", true)]));
        foreach (string bad in new[] { "[]", "{", "{\"x\":null}", "{\"x\":[1]}", "{\"x\":1e999}" })
            Assert.Throws<FormatException>(() => ParameterSet.Parse(bad));
    }

    [Fact]
    public void A_set_holds_exactly_what_its_conditions_allow()
    {
        SearchSpace space = Conditional();
        ParameterSet set = space.Build(p => p is CategoricalParameter ? "sgd" : 0.5);
        Assert.Equal(["kind", "lr", "momentum"], set.Select(m => m.Key));
        Assert.Empty(space.Problems(set));
        Assert.Equal(["'momentum' is missing"], space.Problems(new([new("kind", "sgd"), new("lr", 0.5)])));
        Assert.Equal(["'momentum' is given though its condition does not hold", "'other' is not a parameter of the space"],
            space.Problems(new([new("kind", "adamw"), new("lr", 0.5), new("momentum", 0.5), new("other", 1)])));
        Assert.Equal(["7 is not a value of 'lr'"], space.Problems(new([new("kind", "adamw"), new("lr", 7)])));
        Assert.Contains("momentum", Assert.Throws<KeyNotFoundException>(() => set["momentums"]).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_form_of_study_files_is_read()
    {
        var json = (JsonObject)JsonNode.Parse("""
            {"x": {"type": "float", "low": -5, "high": 10}, "lr": {"type": "float", "low": 1e-5, "high": 1e-1, "log": true},
             "layers": {"type": "int", "low": 1, "high": 12}, "kind": {"type": "categorical", "choices": ["adamw", "sgd"]},
             "momentum": {"type": "float", "low": 0, "high": 0.99, "when": {"kind": "sgd"}}}
            """)!;
        var problems = new List<string>();
        SearchSpace space = SearchSpaceJson.Read(json, problems)!;
        Assert.Empty(problems);
        Assert.Equal(["x", "lr", "layers", "kind", "momentum"], space.Parameters.Select(p => p.Name));
        Assert.True(((NumericParameter)space.Parameters[1]).Log);
        Assert.Equal("sgd", Assert.Single(Assert.Single(space.Parameters[4].When).Values).AsText());
    }

    [Fact]
    public void Every_problem_of_a_study_file_is_reported_at_once()
    {
        var json = (JsonObject)JsonNode.Parse("""
            {"a": {"type": "floot"}, "b": {"type": "int", "low": 0.5, "high": 2}, "c": {"type": "categorical", "choices": []},
             "d": {"type": "float", "low": 2, "high": 1}, "e": {"type": "float", "low": 0, "high": 1, "log": true},
             "f": {"type": "int", "low": 0, "high": 1, "choices": [1]}, "g": 3, "h": {"type": "float", "low": 1}}
            """)!;
        var problems = new List<string>();
        Assert.Null(SearchSpaceJson.Read(json, problems));
        Assert.Equal(8, problems.Count);
        Assert.All(problems.Zip("abcdefgh"), p => Assert.StartsWith($"'{p.Second}'", p.First, StringComparison.Ordinal));
        Assert.All(problems, p => Assert.DoesNotContain("Parameter '", p, StringComparison.Ordinal));
        Assert.Throws<ArgumentException>(() => new SearchSpace([new FloatParameter("m", 0, 1, when: [new("kind", 1)])]));
        Assert.Throws<ArgumentException>(() => new SearchSpace([new IntParameter("k", 0, 1), new FloatParameter("m", 0, 1, when: [new("k", 5)])]));
        Assert.Throws<ArgumentException>(() => new SearchSpace([new IntParameter("k", 0, 1), new IntParameter("k", 0, 1)]));
    }

    internal static SearchSpace Conditional() => new([
        new CategoricalParameter("kind", ["adamw", "sgd"]),
        new FloatParameter("lr", 1e-5, 1, log: true),
        new FloatParameter("momentum", 0, 0.99, when: [new("kind", "sgd")]),
    ]);
}
