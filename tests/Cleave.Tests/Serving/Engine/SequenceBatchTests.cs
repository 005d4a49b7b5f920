using Cleave.Evaluation.Energy;
using Cleave.Models;
using Cleave.Models.Sampling;
using Cleave.Models.Sampling.Grammars;
using Cleave.Numerics;
using Cleave.Serving.Engine;

namespace Cleave.Tests.Serving.Engine;

/// <summary>The engine's work without its thread: what is added when, and stopped when, is the test's.</summary>
public sealed class SequenceBatchTests
{
    private static readonly Grammar Digits = Grammar.Parse("root ::= [0-9]+ \",\" [a-z]*", "digits");

    private sealed record Case(int[] Prompt, SamplingOptions Sampling, Grammar? Grammar, int Arrives, int? Leaves)
    {
        public DecodingSequence? Sequence { get; set; }
    }

    [Theory]
    [InlineData("llama", 1)]
    [InlineData("llama", 2)]
    [InlineData("gpt2", 3)]
    [InlineData("long", 6)]
    [InlineData("long", 7)]
    [InlineData("t5", 4)]
    [InlineData("t5", 5)]
    public void Sequences_that_come_and_go_write_what_each_writes_alone(string kind, ulong seed)
    {
        LanguageModel model = DecisiveModel.Create(kind);
        var rng = new Rng(seed);
        Case[] cases = [.. Enumerable.Range(0, 24).Select(i => Draw(rng, model, i))];
        using var all = new SequenceBatch(model.Transformer, new EngineOptions { KeyValueBytes = long.MaxValue });
        long largest = cases.Max(c => all.Needed(c.Prompt.Length, GenerationRoom.Limit(model.Transformer, c.Prompt.Length, c.Sampling)));
        var options = new EngineOptions { MaxSequences = 5, StepTokens = 12, KeyValueBytes = 3 * largest };
        using var batch = new SequenceBatch(model.Transformer, options);
        for (int step = 0; step < 10_000; step++)
        {
            foreach (Case c in cases.Where(c => c.Arrives == step))
                batch.Add(c.Sequence = Sequence(batch, model, c));
            foreach (Case c in cases.Where(c => c.Arrives + c.Leaves == step))
                c.Sequence!.Stop();
            bool more = batch.Step();
            Assert.True(batch.Running <= 5 && batch.HeldBytes <= batch.ReservedBytes && batch.ReservedBytes + batch.KeptBytes <= options.KeyValueBytes, $"step {step}");
            if (!more && cases.All(c => c.Arrives <= step))
                break;
        }
        Assert.Equal((0, 0, 0L, 0L), (batch.Running, batch.Waiting, batch.ReservedBytes, batch.HeldBytes));
        int whole = 0;
        foreach (Case c in cases)
        {
            (List<int> alone, bool ended) = DecisiveModel.Alone(model, c.Prompt, c.Sampling, c.Grammar);
            List<int> made = [];
            bool stopped = c.Sequence!.IsStopped;
            SequenceResult result = c.Sequence.Drain(made);
            Assert.Equal(alone.Take(stopped ? made.Count : alone.Count), made);
            if (stopped && made.Count < alone.Count)
                continue;
            whole++;
            Assert.True(stopped || result.Ended == ended);
        }
        Assert.InRange(whole, 12, 24);
    }

    [Fact]
    public void A_long_prompt_stalls_neither_those_who_write_nor_a_short_one()
    {
        LanguageModel model = DecisiveModel.Create("llama");
        using var batch = new SequenceBatch(model.Transformer, new EngineOptions { MaxSequences = 4, StepTokens = 8, KeyValueBytes = 1 << 24 });
        DecodingSequence writing = Add(batch, model, Prompt(1), 40);
        batch.Step();
        Assert.Equal(1, writing.Made);
        DecodingSequence reading = Add(batch, model, Prompt(48), 5), brief = Add(batch, model, Prompt(3), 5);
        batch.Step();
        Assert.Equal((2, 0, 1), (writing.Made, reading.Made, brief.Made)); // of 7 tokens the short prompt needed 3
        int before = writing.Made, steps = 0;
        while (reading.Made == 0)
        {
            batch.Step();
            steps++;
        }
        Assert.Equal(before + steps, writing.Made);
        Assert.InRange(steps, 6, 9); // 44 tokens were left, 6 or 7 a step
    }

    [Fact]
    public void Sequences_begin_in_the_order_they_came_also_behind_a_large_one()
    {
        LanguageModel model = DecisiveModel.Create("llama");
        using var probe = new SequenceBatch(model.Transformer, new EngineOptions { KeyValueBytes = long.MaxValue });
        long page = probe.Needed(1, 1); // up to 64 positions
        using var batch = new SequenceBatch(model.Transformer, new EngineOptions { MaxSequences = 8, StepTokens = 64, KeyValueBytes = 2 * page });
        DecodingSequence[] sequences = [.. Enumerable.Range(0, 5).Select(i => Add(batch, model, Prompt(4), 6 + i))];
        batch.Step();
        Assert.Equal([1, 1, 0, 0, 0], sequences.Select(s => s.Made));
        sequences[0].Stop();
        batch.Step();
        Assert.Equal([1, 2, 1, 0, 0], sequences.Select(s => s.Made));
        Assert.Equal((2, 2), (batch.Running, batch.Waiting));
    }

    [Fact]
    public void Who_is_stopped_gives_everything_back_before_the_next_pass()
    {
        LanguageModel model = DecisiveModel.Create("llama");
        using var batch = new SequenceBatch(model.Transformer, new EngineOptions { MaxSequences = 2, StepTokens = 16, KeyValueBytes = 1 << 24 });
        DecodingSequence stays = Add(batch, model, Prompt(3), 30), leaves = Add(batch, model, Prompt(40), 20), waits = Add(batch, model, Prompt(2), 20);
        batch.Step();
        (long held, int made) = (batch.HeldBytes, leaves.Made);
        leaves.Stop();
        waits.Stop();
        batch.Step();
        Assert.Equal((1, 0, made), (batch.Running, batch.Waiting, leaves.Made));
        Assert.True(batch.HeldBytes < held && leaves.Cache is null);
        Assert.Equal(2, stays.Made);
        Assert.Empty(Made(waits));
    }

    [Fact]
    public void One_sequences_trouble_is_its_own()
    {
        LanguageModel model = DecisiveModel.Create("llama");
        using var batch = new SequenceBatch(model.Transformer, new EngineOptions { MaxSequences = 4, StepTokens = 32, KeyValueBytes = 1 << 24 });
        DecodingSequence good = Add(batch, model, Prompt(3), 10);
        int asked = 0;
        var request = new SequenceRequest { Prompt = Prompt(5), Sampling = new SamplingOptions { MaxTokens = 10 }, IsEnd = _ => ++asked == 4 ? throw new FormatException("no") : false };
        var bad = new DecodingSequence(request, 10) { Bytes = 1 };
        batch.Add(bad);
        while (batch.Step())
        {
            // until both are over
        }
        Assert.Equal(10, good.Made);
        Assert.Equal(3, bad.Made);
        Assert.Throws<FormatException>(() => bad.Listen(_ => true));
        Assert.Equal(0, batch.HeldBytes);
    }

    [Fact]
    public void A_pass_that_fails_ends_its_sequences_and_no_later_one()
    {
        LanguageModel model = DecisiveModel.Create("llama");
        using var batch = new SequenceBatch(model.Transformer, new EngineOptions { MaxSequences = 2, StepTokens = 32, KeyValueBytes = 1 << 24 });
        DecodingSequence first = Add(batch, model, Prompt(3), 5), wrong = Add(batch, model, [model.Tokenizer.VocabularySize], 5), later = Add(batch, model, Prompt(3), 5);
        while (batch.Step())
        {
            // until all are over
        }
        Assert.ThrowsAny<ArgumentException>(() => first.Listen(_ => true));
        Assert.ThrowsAny<ArgumentException>(() => wrong.Listen(_ => true));
        Assert.Equal(5, Made(later).Count);
        Assert.Equal((0, 0L), (batch.Running, batch.HeldBytes));
    }

    [Fact]
    public void Scores_are_the_models_own_and_energy_is_shared_without_rest()
    {
        LanguageModel model = DecisiveModel.Create("llama");
        double seconds = 0;
        using var meter = new EnergyMeter(EnergyOptions.Of(10), folder: "/nowhere", processorTime: () => TimeSpan.FromSeconds(seconds += 0.5));
        using var batch = new SequenceBatch(model.Transformer, new EngineOptions { KeyValueBytes = 1 << 24 }, meter);
        var made = new List<MadeToken>();
        DecodingSequence[] both = [.. new[] { 3, 9 }.Select(n => new DecodingSequence(
            new SequenceRequest { Prompt = Prompt(n), Sampling = new SamplingOptions { MaxTokens = 4 }, IsEnd = _ => false, Alternatives = 3 }, 4) { Bytes = 1 })];
        Array.ForEach(both, batch.Add);
        int steps = 1;
        while (batch.Step())
            steps++;
        SequenceResult[] results = [both[0].Listen(t => { made.Add(t); return true; }), both[1].Listen(_ => true)];
        Assert.Equal(5.0 * steps, results.Sum(r => r.Energy.Joules), 6);
        Assert.Equal(5.0 * 3 / 12 + 3 * 2.5, results[0].Energy.Joules, 6); // of the prompts' step by tokens, then half
        foreach (MadeToken token in made)
        {
            Assert.Equal(3, token.Alternatives!.Count);
            Assert.Equal((token.Id, token.LogProbability!.Value), token.Alternatives[0]);
            Assert.Equal(token.Probability, MathF.Exp(token.LogProbability.Value), 1e-5f);
            Assert.True(token.Alternatives[0].LogProbability >= token.Alternatives[1].LogProbability && token.Alternatives[1].LogProbability >= token.Alternatives[2].LogProbability);
        }
        Assert.Equal(DecisiveModel.Alone(model, Prompt(3), new SamplingOptions { MaxTokens = 4 }, null).Tokens, made.Select(m => m.Id));
    }

    [Fact]
    public void What_can_never_fit_and_wrong_options_are_refused()
    {
        LanguageModel model = DecisiveModel.Create("llama");
        using var batch = new SequenceBatch(model.Transformer, new EngineOptions { KeyValueBytes = 1000 });
        Assert.Contains("ask for fewer tokens", Assert.Throws<CapacityException>(() => batch.Needed(10, 20)).Message, StringComparison.Ordinal);
        foreach (EngineOptions wrong in (EngineOptions[])[new() { MaxSequences = 0 }, new() { MaxSequences = 8, StepTokens = 8 }, new() { KeyValueBytes = 0 }])
            Assert.Throws<CleaveException>(() => new SequenceBatch(model.Transformer, wrong));
        Assert.Throws<CleaveException>(() => new SequenceBatch(Cleave.Tests.Models.TinyModel.CreateEncoder().Transformer, new EngineOptions()));
    }

    [Fact]
    public void A_prompt_that_begins_like_one_that_was_read_goes_on_from_there()
    {
        LanguageModel model = DecisiveModel.Create("long");
        using var batch = new SequenceBatch(model.Transformer, new EngineOptions { KeyValueBytes = 1 << 24 });
        DecodingSequence first = Run(batch, model, Prompt(100), 40);
        int[] turn = [.. first.Tokens, .. Prompt(30)]; // the next turn of a conversation
        DecodingSequence second = Run(batch, model, turn, 8), same = Run(batch, model, turn, 8), other = Run(batch, model, [1, .. turn], 8);
        Assert.Equal((0, 128, 128, 0), (first.Known, second.Known, same.Known, other.Known));
        Assert.Equal(DecisiveModel.Alone(model, turn, new SamplingOptions { MaxTokens = 8 }, null).Tokens, Made(second));
        Assert.Equal(0, Run(batch, model, Prompt(64), 3).Known); // of which one token is left to be read
        Assert.Equal(64, Run(batch, model, Prompt(65), 3).Known);
    }

    [Fact]
    public void Prompts_that_begin_alike_at_the_same_time_are_read_once()
    {
        LanguageModel model = DecisiveModel.Create("long");
        using var batch = new SequenceBatch(model.Transformer, new EngineOptions { KeyValueBytes = 1 << 24, MaxSequences = 8, StepTokens = 40 });
        DecodingSequence[] alike = [.. Enumerable.Range(0, 4).Select(i => Add(batch, model, [.. Prompt(200), 5 + i], 6))];
        while (batch.Step())
        {
            // until all are over
        }
        Assert.Equal([0, 192, 192, 192], alike.Select(s => s.Known));
        foreach (DecodingSequence sequence in alike)
            Assert.Equal(DecisiveModel.Alone(model, sequence.Request.Prompt, new SamplingOptions { MaxTokens = 6 }, null).Tokens, Made(sequence));
    }

    [Fact]
    public void Who_waits_for_a_beginning_that_another_reads_holds_up_nobody_behind()
    {
        LanguageModel model = DecisiveModel.Create("long");
        using var batch = new SequenceBatch(model.Transformer, new EngineOptions { KeyValueBytes = 1 << 24, MaxSequences = 8, StepTokens = 40 });
        DecodingSequence reads = Add(batch, model, [.. Prompt(200), 5], 6), alike = Add(batch, model, [.. Prompt(200), 6], 6), other = Add(batch, model, [300, 301, 302], 6);
        batch.Step();
        Assert.Equal((0, 0, 1), (reads.Made, alike.Made, other.Made));
        while (batch.Step())
        {
            // until all are over
        }
        Assert.Equal((0, 192), (reads.Known, alike.Known));
    }

    [Fact]
    public void What_is_kept_is_bounded_and_gives_way_to_who_needs_the_memory()
    {
        LanguageModel model = DecisiveModel.Create("long");
        using var probe = new SequenceBatch(model.Transformer, new EngineOptions { KeyValueBytes = long.MaxValue });
        long page = probe.Needed(1, 1);
        using var batch = new SequenceBatch(model.Transformer, new EngineOptions { KeyValueBytes = 4 * page, KnownPrefixes = 2 });
        for (int i = 0; i < 3; i++)
            Run(batch, model, [10 + i, .. Prompt(69)], 3);
        Assert.Equal(2 * page, batch.KeptBytes);
        Assert.Equal([64, 64, 0], new[] { 2, 1, 0 }.Select(i => Run(batch, model, [10 + i, .. Prompt(69)], 3).Known)); // who was not asked for the longest went first
        Run(batch, model, Prompt(190), 60); // all four pages
        Assert.Equal(3 * page, batch.KeptBytes); // and three of them are full
        using var none = new SequenceBatch(model.Transformer, new EngineOptions { KeyValueBytes = 4 * page, KnownPrefixes = 0 });
        Run(none, model, Prompt(100), 3);
        Assert.Equal((0L, 0), (none.KeptBytes, Run(none, model, Prompt(100), 3).Known));
    }

    private static DecodingSequence Run(SequenceBatch batch, LanguageModel model, int[] prompt, int most)
    {
        DecodingSequence sequence = Add(batch, model, prompt, most);
        while (batch.Step())
        {
            // until it is over
        }
        return sequence;
    }

    private static Case Draw(Rng rng, LanguageModel model, int index)
    {
        int[] prompt = [.. Enumerable.Range(0, 1 + rng.NextInt(30)).Select(_ => 1 + rng.NextInt(model.Tokenizer.VocabularySize - 1))];
        if (model.Transformer.Spec.ContextLength > 64)
            prompt = [.. Prompt(70 * rng.NextInt(4)), .. prompt]; // that many of them have in common
        var sampling = new SamplingOptions { MaxTokens = 6 + rng.NextInt(16), Temperature = index % 4 == 1 ? 1.5 : 0, TopP = index % 8 == 1 ? 0.9 : 1, Seed = (ulong)index };
        return new Case(prompt, sampling, index % 3 == 2 ? Digits : null, rng.NextInt(20), index % 5 == 4 ? rng.NextInt(12) : null);
    }

    private static DecodingSequence Sequence(SequenceBatch batch, LanguageModel model, Case c)
    {
        TokenConstraint? constraint = c.Grammar is null ? null : new TokenConstraint(c.Grammar, model.Tokenizer);
        int limit = GenerationRoom.Limit(model.Transformer, c.Prompt.Length, c.Sampling, constraint);
        bool IsEnd(int id) => id == model.Tokenizer.EosId;
        constraint?.Begin(IsEnd);
        return new DecodingSequence(new SequenceRequest { Prompt = c.Prompt, Sampling = c.Sampling, IsEnd = IsEnd, Constraint = constraint }, limit)
        {
            Bytes = batch.Needed(c.Prompt.Length, limit),
        };
    }

    private static int[] Prompt(int tokens) => [.. Enumerable.Range(1, tokens).Select(i => 1 + i * 7 % 300)];

    private static DecodingSequence Add(SequenceBatch batch, LanguageModel model, int[] prompt, int most)
    {
        int limit = GenerationRoom.Limit(model.Transformer, prompt.Length, new SamplingOptions { MaxTokens = most });
        var sequence = new DecodingSequence(new SequenceRequest { Prompt = prompt, Sampling = new SamplingOptions(), IsEnd = _ => false }, limit) { Bytes = batch.Needed(prompt.Length, limit) };
        batch.Add(sequence);
        return sequence;
    }

    private static List<int> Made(DecodingSequence sequence)
    {
        List<int> made = [];
        sequence.Drain(made);
        return made;
    }
}

internal static class SequenceDrains
{
    /// <summary>The tokens of a sequence that is over, those before its stop among them.</summary>
    public static SequenceResult Drain(this DecodingSequence sequence, List<int> into)
    {
        while (sequence.Next() is { } token)
            into.Add(token.Id);
        return sequence.Listen(_ => true);
    }
}
