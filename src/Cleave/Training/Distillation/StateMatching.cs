using Cleave.Models;
using Cleave.Models.Blocks;
using Cleave.Numerics;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Distillation;

/// <summary>
/// Losses of a student's inner states against its teacher's. Each student layer's output is compared with that of the teacher's layer which lies
/// as deep (Jiao et al., 2020, TinyBERT), through a learnt projection where the widths differ, in mean squares of the teacher's states, so that
/// the weight means the same for every model. Queries, keys and values are compared by how they relate tokens to each other (Wang et al., 2021,
/// MiniLMv2): the student's last layer with one of the teacher's.
/// </summary>
internal sealed class StateMatching : IDisposable
{
    private readonly TextDistillationOptions _options;
    private readonly int[] _map;
    private readonly Tensor[] _projections;
    private readonly int[] _heads;
    private readonly Tape _kept = new(records: false);

    public StateMatching(Transformer student, Transformer teacher, TextDistillationOptions options)
    {
        _options = options;
        _map = options.Hidden > 0 ? Map(student.Layers.Count, teacher.Layers.Count) : [];
        int relations = options.RelationLayer > 0 ? options.RelationLayer - 1 : teacher.Layers.Count - 1;
        if (options.Attention > 0 && relations >= teacher.Layers.Count)
            throw new CleaveException($"--relation-layer {options.RelationLayer}: the teacher has {teacher.Layers.Count} layers");
        LayerSpec s = student.Layers[^1].Spec, t = teacher.Layers[relations < teacher.Layers.Count ? relations : ^1].Spec;
        int queries = Divisor(s.Heads, t.Heads), keys = Divisor(s.KeyValueHeads, t.KeyValueHeads);
        _heads = [queries, keys, keys];
        bool attention = options.Attention > 0;
        Student = new ObservedStates([.. Enumerable.Range(0, _map.Length)], attention ? student.Layers.Count - 1 : -1, static x => x);
        Teacher = new ObservedStates(_map, attention ? relations : -1, x => _kept.Copy(x.Data, x.Rows, x.Columns));
        _projections = student.Spec.Width == teacher.Spec.Width ? [] : [.. _map.Select((_, i) => Projection(student.Spec.Width, teacher.Spec.Width, options.Seed, i))];
    }

    /// <summary>Sees the student's forward pass, on the tape that the loss is recorded on.</summary>
    public ObservedStates Student { get; }

    /// <summary>Sees the teacher's.</summary>
    public ObservedStates Teacher { get; }

    /// <summary>The projections, which are learnt with the student and belong to no model.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> Parameters => _projections.Select((p, i) => ($"distillation.hidden.{i}", p));

    /// <summary>Which of the teacher's layers lies as deep as each of the student's: the last is matched with the last.</summary>
    public static int[] Map(int student, int teacher) => [.. Enumerable.Range(1, student).Select(i => Math.Max(0, (int)Math.Round((double)i * teacher / student, MidpointRounding.AwayFromZero) - 1))];

    /// <summary>Forgets the teacher's states; before it reads the next batch.</summary>
    public void Start() => _kept.Reset();

    /// <summary>Records the losses on what both observers saw, with their weights.</summary>
    /// <returns>Both without their weights; 0 for one that is not wanted.</returns>
    public (double Hidden, double Attention) Loss(Tape tape, TokenBatch batch)
    {
        double hidden = 0, attention = 0;
        for (int i = 0; i < _map.Length; i++)
        {
            Tensor state = Student.Output(i), aim = Teacher.Output(_map[i]);
            if (_projections.Length > 0)
                state = Op.Linear(tape, state, _projections[i]);
            double size = Math.Max(VectorMath.SumOfSquares(aim.Data) / aim.Length, 1e-12);
            hidden += Op.MeanSquaredError(tape, state, aim.Data, (float)(_options.Hidden / (size * _map.Length))) / (size * _map.Length);
        }
        for (int i = 0; i < Student.Relations.Count; i++)
            attention += Op.RelationDivergence(tape, Student.Relations[i], Teacher.Relations[i], batch.Offsets.Span, _heads[i], causal: true, (float)_options.Attention);
        return (hidden, attention);
    }

    public void Dispose()
    {
        _kept.Dispose();
        foreach (Tensor projection in _projections)
            projection.Dispose();
    }

    // Neighbouring heads go together until both models have as many.
    private static int Divisor(int a, int b) => b == 0 ? a : Divisor(b, a % b);

    private static Tensor Projection(int student, int teacher, ulong seed, int index)
    {
        Tensor p = Tensor.Parameter(teacher, student);
        Rng rng = Rng.For(seed, $"projection of layer {index}");
        foreach (ref float w in p.Data)
            w = (float)(rng.NextGaussian() / Math.Sqrt(student));
        return p;
    }
}
