using System.Globalization;
using Cleave.Models;
using Cleave.Numerics.Autograd;
using Cleave.Numerics.Kernels;
using Cleave.Numerics.Ops;
using Cleave.Numerics.Tensors;

namespace Cleave.Training.Distillation;

/// <summary>
/// One model, or the weighted mean of the probabilities of several with one vocabulary, as a teacher. Each reads the student's batch; logits
/// are computed for the announced rows alone.
/// </summary>
public sealed class LiveTeachers : ITextTeacher
{
    private readonly Seat[] _seats;
    private readonly int[] _rows = new int[MostRows];
    private Tensor? _probabilities;
    private int _first;

    private const int MostRows = 128;

    /// <param name="weights">Of each teacher's probabilities; they are made to sum to 1. Empty for all alike.</param>
    /// <exception cref="CleaveException">A teacher cannot continue texts, the vocabularies differ, or the weights do not fit.</exception>
    public LiveTeachers(IReadOnlyList<Transformer> models, float temperature, IReadOnlyList<double>? weights = null)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentOutOfRangeException.ThrowIfZero(models.Count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        weights ??= [];
        if (weights.Count > 0 && (weights.Count != models.Count || weights.Any(w => !(w >= 0 && double.IsFinite(w))) || !(weights.Sum() > 0)))
            throw new CleaveException($"{weights.Count} weights for {models.Count} teachers: give each a number from 0, not all of them 0");
        foreach (Transformer model in models)
        {
            model.RequireContinuation();
            model.RequireOneStack();
            if (model.Spec.VocabularySize != models[0].Spec.VocabularySize)
                throw new CleaveException($"teachers of {models[0].Spec.VocabularySize} and {model.Spec.VocabularySize} tokens: their probabilities have no mean; give teachers with one tokenizer");
        }
        Temperature = temperature;
        double sum = weights.Count > 0 ? weights.Sum() : models.Count;
        _seats = [.. models.Select((m, i) => new Seat(m, (float)((weights.Count > 0 ? weights[i] : 1) / sum)))];
        VocabularySize = models[0].Spec.VocabularySize;
        ContextLength = models.Min(m => m.Spec.ContextLength);
    }

    public int VocabularySize { get; }

    public int ContextLength { get; }

    public float Temperature { get; }

    public Transformer? Model => _seats is [var only] ? only.Model : null;

    public bool NeedsFixedCuts => false;

    public string Fingerprint => field ??= string.Join('+', _seats.Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Weight:R}*{ModelFingerprint.Of(s.Model)}")));

    public void Read(TokenBatch batch, ReadOnlySpan<int> starts, IActivationObserver? observer = null)
    {
        _probabilities = null;
        foreach (Seat seat in _seats)
        {
            seat.Tape.Reset();
            seat.Hidden = seat.Model.Forward(seat.Tape, batch, observer: observer);
            seat.Mark = seat.Tape.Mark;
        }
    }

    public void Begin(int row, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, MostRows);
        _first = row;
        for (int i = 0; i < rows; i++)
            _rows[i] = row + i;
        foreach (Seat seat in _seats)
        {
            Tensor hidden = seat.Hidden ?? throw new InvalidOperationException("no batch has been read");
            seat.Tape.KeepOnly(hidden, seat.Mark); // the rows before
            Tensor logits = seat.Model.Logits(seat.Tape, Op.GatherRows(seat.Tape, hidden, _rows.AsMemory(0, rows)));
            VectorMath.Scale(logits.Data, 1 / Temperature);
            Softmax.Rows(logits.Data, rows, VocabularySize);
            if (_seats.Length > 1)
                VectorMath.Scale(logits.Data, seat.Weight);
            if (seat == _seats[0])
                _probabilities = logits;
            else
                VectorMath.AddInPlace(_probabilities!.Data, logits.Data);
        }
    }

    public void Probabilities(int row, ReadOnlySpan<float> student, Span<float> destination) =>
        _probabilities!.Data.Slice((row - _first) * VocabularySize, VocabularySize).CopyTo(destination);

    public void Dispose()
    {
        foreach (Seat seat in _seats)
            seat.Dispose();
    }

    private sealed class Seat(Transformer model, float weight) : IDisposable
    {
        public Transformer Model { get; } = model;
        public float Weight { get; } = weight;
        public Tape Tape { get; } = new(records: false);
        public Tensor? Hidden { get; set; }

        /// <summary>Where on the tape the batch's states end.</summary>
        public int Mark { get; set; }

        public void Dispose() => Tape.Dispose();
    }
}
