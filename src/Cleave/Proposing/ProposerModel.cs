using Cleave.Formats.Safetensors;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Tensors;
using Cleave.Tuning.Samplers.Proposals;

namespace Cleave.Proposing;

/// <summary>A trained <see cref="ProposerNetwork"/> as a sampler asks it. Safe from several threads.</summary>
public sealed class ProposerModel(ProposerNetwork network) : IValueModel
{
    private static readonly string ShippedFile = Path.Combine(AppContext.BaseDirectory, "models", "proposer", SafetensorsSet.SingleFile);

    public int MostTrials => network.Shape.MostTrials;

    public IReadOnlyList<double> Edges { get; } = network.Shape.Edges();

    /// <summary>The one that ships with the program.</summary>
    /// <exception cref="ModelFileException">Its file is missing or damaged.</exception>
    public static ProposerModel Shipped() => Load(ShippedFile);

    /// <exception cref="ModelFileException">The file is missing, damaged, or not a proposer's.</exception>
    public static ProposerModel Load(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        ProposerShape shape = ProposerShape.FromMetadata(file.Metadata, path);
        if (ProposerNetwork.Weights(shape) > file.FileBytes / sizeof(ushort)) // before any memory is taken
            throw new ModelFileException(path, $"{file.FileBytes} bytes are fewer than the {ProposerNetwork.Weights(shape)} weights take that the header tells of; the file is damaged");
        int used = 0;
        ProposerNetwork network = ProposerNetwork.Load(shape, (name, tensor) =>
        {
            SafetensorsEntry entry = file.Entry(name);
            if (entry.Shape is not [var rows, var columns] || rows != tensor.Rows || columns != tensor.Columns)
                throw new ModelFileException(path, $"tensor '{name}' is ({string.Join(", ", entry.Shape)}), but the header asks for ({tensor.Rows}, {tensor.Columns})", entry.FileOffset);
            file.ReadSingle(name, tensor.Data);
            if (!float.IsFinite((float)VectorMath.SumOfSquares(tensor.Data)))
                throw new ModelFileException(path, $"tensor '{name}' holds a value that is not finite; the file is damaged", entry.FileOffset);
            tensor.Freeze();
            used++;
        });
        return used == file.Names.Count ? new ProposerModel(network) : throw new ModelFileException(path, $"{file.Names.Count} tensors, of which a proposer has {used}");
    }

    /// <summary>Writes the network with weights in float16.</summary>
    public static void Save(ProposerNetwork network, string path)
    {
        ArgumentNullException.ThrowIfNull(network);
        SafetensorsWriter.Write(path, [.. network.Parameters.Select(p => TensorToWrite.From(p.Name, SafetensorsDType.F16, [p.Tensor.Rows, p.Tensor.Columns], p.Tensor.Data.ToArray()))],
            network.Shape.ToMetadata());
    }

    public IValuePosterior Given(IReadOnlyList<int> choices, IReadOnlyList<double[]> points, IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentNullException.ThrowIfNull(values);
        if (points.Count == 0 || points.Count > MostTrials || values.Count != points.Count)
            throw new ArgumentException($"{points.Count} points and {values.Count} values: as many of each, from 1 to {MostTrials}", nameof(points));
        using var tape = new Tape(records: false);
        TrialRows rows = network.Rows;
        var average = new ProcessAverage(choices, points, values);
        Tensor x = tape.New(points.Count, rows.Columns);
        double[] ranks = TrialRows.Ranks(values);
        for (int i = 0; i < points.Count; i++)
            rows.Known(choices, points[i], average, values[i], ranks[i], x.Data.Slice(i * rows.Columns, rows.Columns));
        return new Posterior(network, choices, average, network.Know(tape, x));
    }

    private sealed class Posterior(ProposerNetwork network, IReadOnlyList<int> choices, ProcessAverage average, (Tensor Keys, Tensor Values)[] seen) : IValuePosterior
    {
        public float[] Probabilities(IReadOnlyList<double[]> points)
        {
            ArgumentNullException.ThrowIfNull(points);
            if (points.Count == 0)
                return [];
            using var tape = new Tape(records: false);
            TrialRows rows = network.Rows;
            int bins = network.Shape.Bins;
            Tensor x = tape.New(points.Count, rows.Columns), start = tape.New(points.Count, bins);
            for (int i = 0; i < points.Count; i++)
                rows.Asked(choices, points[i], average, x.Data.Slice(i * rows.Columns, rows.Columns), start.Data.Slice(i * bins, bins));
            float[] probabilities = network.Ask(tape, x, start, seen).Data.ToArray();
            Softmax.Rows(probabilities, points.Count, bins);
            return probabilities;
        }

        public void Dispose()
        {
            foreach ((Tensor keys, Tensor values) in seen)
            {
                keys.Dispose();
                values.Dispose();
            }
        }
    }
}
