using Cleave.Splitting.Studies;

namespace Cleave.Tests.Splitting;

[Trait("Kernels", "unused")]
public sealed class TrialChoiceTests
{
    private sealed record Candidate(double Cost, double Quality, double Odds);

    private static Candidate Of(List<Candidate> asked, params (double Cost, double Quality, double Odds)[] candidates) =>
        TrialChoice.Of([.. candidates.Select(c => new Candidate(c.Cost, c.Quality, c.Odds))], c => c.Cost, c => c.Quality, c =>
        {
            asked.Add(c);
            return c.Odds;
        });

    [Fact]
    public void Of_the_safe_ones_it_is_the_best_that_costs_little_more_than_the_cheapest_and_dearer_ones_are_not_looked_at()
    {
        List<Candidate> asked = [];
        Assert.Equal(15, Of(asked, (1, 0.7, 0.1), (10, 0.8, 0.95), (12, 0.85, 0.9), (15, 0.82, 0.99), (20, 0.81, 1), (21, 0.99, 1)).Cost);
        Assert.Equal([1, 10, 12, 15, 20], asked.Select(c => c.Cost));
    }

    [Fact]
    public void Where_none_is_safe_it_is_the_cheapest_that_is_nearly_as_likely()
    {
        Assert.Equal(10, Of([], (1, 0.7, 0.1), (10, 0.80, 0.55), (100, 0.81, 0.64), (200, 0.79, 0.5)).Cost);
        Assert.Equal(100, Of([], (1, 0.7, 0.1), (10, 0.80, 0.53), (100, 0.81, 0.64)).Cost);
        Assert.Equal(1, Of([], (1, 0.1, 0), (10, 0.2, 0), (100, 0.3, 0)).Cost);
        Assert.Equal(7, Of([], (7, 0.1, 0.3)).Cost);
    }
}
