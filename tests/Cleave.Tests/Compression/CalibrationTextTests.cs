using Cleave.Compression.Calibration;

namespace Cleave.Tests.Compression;

public class CalibrationTextTests
{
    [Theory]
    [InlineData(1000, 1, 100, 128)] // two windows hold the least
    [InlineData(1000, 127, 100, 128)]
    [InlineData(1000, 200, 100, 192)] // never more than is asked for
    [InlineData(1000, 5000, 100, 960)]
    [InlineData(130, 1, 128, 128)]
    public void Whole_windows_hold_what_is_asked_for_and_at_least_what_is_needed(int tokens, int most, int least, int taken) =>
        Assert.Equal(taken, new CalibrationText(new int[tokens], 64, most, least).Tokens.Length);

    [Fact]
    public void A_text_of_too_few_whole_windows_is_refused() =>
        Assert.Contains("has 127 tokens and at least 128 are needed", Assert.Throws<CleaveException>(() => new CalibrationText(new int[127], 64, 1, 100)).Message, StringComparison.Ordinal);
}
