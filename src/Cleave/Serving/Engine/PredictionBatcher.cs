using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Cleave.Data;
using Cleave.Evaluation;
using Cleave.Evaluation.Energy;
using Cleave.Numerics.Threading;
using Cleave.Splitting.Modules;

namespace Cleave.Serving.Engine;

/// <summary>What the answers to some texts took.</summary>
/// <param name="Waited">From the question until computation began.</param>
public readonly record struct PredictionCost(TimeSpan Waited, TimeSpan Computed, EnergyUse Energy);

/// <summary>
/// Asks a module that answers in one pass, for several threads: while it answers, the questions that come meanwhile gather, and one of
/// those who wait asks them together.
/// </summary>
/// <param name="turns">Null for a module that needs no turn because it is computed in microseconds and by one thread each.</param>
internal sealed class PredictionBatcher(ITaskModule module, ComputeTurns? turns, ComputeShare share, EnergyMeter? meter)
{
    /// <summary>Texts that are asked together.</summary>
    public const int Together = 32;

    private readonly object _gate = new();
    private readonly List<Question> _waiting = [];
    private bool _asking;

    /// <summary>Texts that the module has not been asked yet.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
                return _waiting.Count;
        }
    }

    /// <summary>One prediction a text, in their order.</summary>
    /// <exception cref="OperationCanceledException">The request was cancelled before its texts' turn came.</exception>
    public (IReadOnlyList<Prediction> Predictions, PredictionCost Cost) Predict(IReadOnlyList<Example> texts, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(texts);
        long asked = Stopwatch.GetTimestamp();
        Question[] own = [.. texts.Select(t => new Question(t))];
        using CancellationTokenRegistration registration = cancellation.Register(() =>
        {
            lock (_gate)
                Monitor.PulseAll(_gate);
        });
        while (Next(own, cancellation) is { } batch)
        {
            try
            {
                Ask(batch);
            }
            finally
            {
                lock (_gate)
                {
                    _asking = false;
                    Monitor.PulseAll(_gate);
                }
            }
        }
        foreach (Question question in own)
            question.Error?.Throw();
        long began = own.Length == 0 ? asked : own.Min(q => q.Began), done = own.Length == 0 ? asked : own.Max(q => q.Done);
        return ([.. own.Select(q => q.Answer!)],
            new PredictionCost(Stopwatch.GetElapsedTime(asked, began), Stopwatch.GetElapsedTime(began, done), EnergyUse.Sum(own.Select(q => q.Energy))));
    }

    // The next texts to ask, those of others among them; null once the own ones are answered.
    private List<Question>? Next(Question[] own, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (own.Length > 0 && !own[0].Queued)
            {
                _waiting.AddRange(own);
                Array.ForEach(own, q => q.Queued = true);
            }
            while (true)
            {
                if (Array.TrueForAll(own, q => q.Done != 0))
                    return null;
                if (cancellation.IsCancellationRequested)
                {
                    _waiting.RemoveAll(q => Array.IndexOf(own, q) >= 0);
                    cancellation.ThrowIfCancellationRequested();
                }
                if (!_asking && _waiting.Count > 0)
                {
                    _asking = true;
                    List<Question> batch = _waiting.GetRange(0, Math.Min(Together, _waiting.Count));
                    _waiting.RemoveRange(0, batch.Count);
                    return batch;
                }
                Monitor.Wait(_gate);
            }
        }
    }

    private void Ask(List<Question> batch)
    {
        turns?.Take(share);
        long began = Stopwatch.GetTimestamp();
        try
        {
            AskTogether(batch);
        }
        finally
        {
            turns?.Leave();
            if (turns is null) // one thread of all those that a turn has
                share.Count(Stopwatch.GetElapsedTime(began).TotalSeconds / ThreadTeam.Shared.Threads);
        }
    }

    private void AskTogether(List<Question> batch)
    {
        EnergyReading start = meter?.Read() ?? default;
        long began = Stopwatch.GetTimestamp();
        try
        {
            IReadOnlyList<Prediction> answers = module.Predict([.. batch.Select(q => q.Text)]);
            EnergyUse each = meter?.Since(start).Each(batch.Count) ?? default;
            for (int i = 0; i < batch.Count; i++)
                batch[i].End(answers[i], null, began, each);
        }
        catch when (batch.Count > 1)
        {
            // One text's trouble is not the others': each by itself.
            foreach (Question question in batch)
                AskTogether([question]);
        }
        catch (Exception e)
        {
            batch[0].End(null, ExceptionDispatchInfo.Capture(e), began, default);
        }
    }

    private sealed class Question(Example text)
    {
        private long _done;

        public Example Text { get; } = text;
        public bool Queued { get; set; }
        public Prediction? Answer { get; private set; }
        public ExceptionDispatchInfo? Error { get; private set; }
        public EnergyUse Energy { get; private set; }
        public long Began { get; private set; }

        /// <summary>0 until there is an answer.</summary>
        public long Done => Volatile.Read(ref _done);

        public void End(Prediction? answer, ExceptionDispatchInfo? error, long began, EnergyUse energy)
        {
            (Answer, Error, Began, Energy) = (answer, error, began, energy);
            Volatile.Write(ref _done, Stopwatch.GetTimestamp());
        }
    }
}
