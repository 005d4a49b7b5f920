using Mono.Cecil;

namespace Cleave.Tests.Architecture;

[Trait("Kernels", "unused")]
public sealed class LayeringTests
{
    private static readonly string[] Assemblies = ["Cleave.Numerics.dll", "Cleave.dll", "Cleave.Server.dll", "Cleave.Cli.dll"];

    private static ModuleDefinition Load(string file) => ModuleDefinition.ReadModule(Path.Combine(AppContext.BaseDirectory, file));

    [Fact]
    public void Every_room_sees_only_the_rooms_below_it()
    {
        Reference[] references = [.. Assemblies.SelectMany(a => Layering.ReferencesOf(Load(a)))];
        Assert.Contains(references, r => r.From.StartsWith("Cleave.Tuning.", StringComparison.Ordinal) && r.To == "Cleave.Formats.Durable.Journal");
        IReadOnlyList<string> violations = Layering.Violations(references);
        Assert.True(violations.Count == 0, string.Join('\n', violations));
    }

    /// <summary>The compiler marks a module in which unsafe code was allowed, so an unmarked one has none.</summary>
    [Fact]
    public void Only_the_numerics_have_unsafe_code()
    {
        Assert.Equal(["Cleave.Numerics.dll"], Assemblies.Where(a => Load(a).CustomAttributes.Any(c => c.AttributeType.Name == "UnverifiableCodeAttribute")));
    }

    [Theory]
    [InlineData("Cleave.Models.Transformer", "Cleave.Training.Trainer", "Cleave.Models.Transformer uses Cleave.Training.Trainer, which lies above it")]
    [InlineData("Cleave.Tokenizers.Vocabulary", "Cleave.Formats.Durable.AtomicFile", "Cleave.Tokenizers.Vocabulary uses Cleave.Formats.Durable.AtomicFile, which lies above it")]
    [InlineData("Cleave.Numerics.Kernels.MatMul", "Cleave.Numerics.Tensors.Tensor", "Cleave.Numerics.Kernels.MatMul uses Cleave.Numerics.Tensors.Tensor, which lies above it")]
    [InlineData("Cleave.Numerics.Rng", "Cleave.Numerics.Kernels.MatMul", "Cleave.Numerics.Rng uses Cleave.Numerics.Kernels.MatMul, which lies above it")]
    [InlineData("Cleave.Tuning.Study", "Cleave.Models.Transformer", "Cleave.Tuning.Study uses Cleave.Models.Transformer, which Cleave.Tuning does not see")]
    [InlineData("Cleave.Cli.Program", "Cleave.Attic.Thing", "Cleave.Attic.Thing is in no room")]
    [InlineData("Cleave.Training.Trainer", "Cleave.Models.Transformer", null)]
    [InlineData("Cleave.Numerics.Ops.Sum", "Cleave.Numerics.Autograd.Tape", null)]
    [InlineData("Cleave.Numerics.Kernels.MatMul", "Cleave.CleaveException", null)]
    [InlineData("Cleave.Tuning.Study", "Cleave.Formats.Durable.Journal", null)]
    public void A_wrong_arrow_is_caught(string from, string to, string? complaint) =>
        Assert.Equal(complaint is null ? [] : [complaint], Layering.Violations([new Reference(from, to)]));

    [Fact]
    public void A_type_is_found_wherever_it_is_mentioned()
    {
        TypeDefinition probe = Load("Cleave.Tests.dll").GetType(typeof(Probe).FullName!.Replace('+', '/'));
        string[] found = [.. TypeUses.Of(probe).Concat(probe.NestedTypes.SelectMany(TypeUses.Of)).Select(t => t.Name).Distinct()];
        string[] mentioned = ["InBase", "InInterface", "InField", "InArray", "InSignature", "InConstraint", "InAttribute", "InBody", "InGenericCall", "InCatch", "InLambda", "InProperty"];
        Assert.Empty(mentioned.Except(found));
    }

    private class InBase;
    private interface InInterface;
    private sealed class InField;
    private sealed class InArray;
    private sealed class InSignature;
    private sealed class InConstraint;
    private sealed class InAttribute;
    private sealed class InBody;
    private sealed class InGenericCall;
    private sealed class InCatch : Exception;
    private sealed class InLambda;
    private sealed class InProperty;

    private sealed class Probe : InBase, InInterface
    {
        private readonly List<InField> _field = [];

        public IReadOnlyDictionary<string, InProperty[]>? Property => null;

        [System.ComponentModel.TypeConverter(typeof(InAttribute))]
        public Func<object> Method<T>(InSignature[] items, ref InArray[,] array) where T : List<InConstraint>
        {
            try
            {
                return Enumerable.Empty<InGenericCall>().Any() || _field.Count > 0 ? () => new InLambda() : () => typeof(InBody);
            }
            catch (InCatch)
            {
                return () => items;
            }
        }
    }
}
