using Cleave.Evaluation.Energy;

namespace Cleave.Tests.Evaluation.Energy;

public sealed class EnergyMeterTests : IDisposable
{
    private static readonly EnergyOptions Power = new(10, 4);
    private readonly FakeCounters _counters = new();
    private readonly ManualTimer _clock = new();

    public void Dispose() => _counters.Dispose();

    [Fact]
    public void All_packages_are_added_up_and_nothing_is_counted_twice()
    {
        _counters.Zone("intel-rapl:0", "package-0", 5_000_000).Zone("intel-rapl:1", "package-1", 7_000_000)
            .Zone("intel-rapl:0:0", "core", 0).Zone("intel-rapl:2", "psys", 0).Zone("intel-rapl-mmio:0", "package-0", 0);
        using EnergyMeter meter = Meter();
        foreach (string zone in new[] { "intel-rapl:0:0", "intel-rapl:2", "intel-rapl-mmio:0" })
            _counters.Set(zone, 900_000_000);
        _counters.Set("intel-rapl:0", 8_500_000).Set("intel-rapl:1", 8_000_000).Seconds = 2;
        EnergyUse use = meter.Used;
        Assert.True(use.Measured);
        Assert.Equal(4.5, use.Joules, 1e-9);
        Assert.Equal(0, use.Uncertainty);
        Assert.Equal(2, use.CoreSeconds);
        Assert.Equal("4.5 J measured", use.ToString());
        Assert.Empty(meter.WhyEstimated);
    }

    [Fact]
    public void A_counter_that_begins_again_goes_on()
    {
        _counters.Zone("intel-rapl:0", "package-0", 999_000_000);
        using EnergyMeter meter = Meter();
        _counters.Set("intel-rapl:0", 3_000_000);
        Assert.Equal(4, meter.Used.Joules, 1e-9);
        EnergyReading later = meter.Read();
        _counters.Set("intel-rapl:0", 5_500_000);
        Assert.Equal(2.5, meter.Since(later).Joules, 1e-9);
    }

    /// <summary>Between two readings of ours the clock reads on, so that a counter that went around several times is not taken for one.</summary>
    [Fact]
    public void A_counter_that_goes_around_often_during_long_work_is_followed()
    {
        _counters.Zone("intel-rapl:0", "package-0", 0);
        using EnergyMeter meter = Meter();
        for (int round = 0; round < 5; round++)
        {
            foreach (long at in new[] { 400_000_000, 800_000_000, 200_000_000 }) // 1,200 J a round
            {
                _counters.Set("intel-rapl:0", at);
                _clock.Tick();
            }
            _counters.Set("intel-rapl:0", 0); // 800 more
            _clock.Tick();
        }
        _counters.Set("intel-rapl:0", 1_000_000);
        Assert.Equal(5 * 2000 + 1, meter.Used.Joules, 1e-6);
    }

    [Fact]
    public void What_only_the_administrator_may_read_is_estimated_and_said()
    {
        _counters.Zone("intel-rapl:0", "package-0", 1).Zone("intel-rapl:1", "package-1", 1).Forbid("intel-rapl:1");
        using EnergyMeter meter = Meter();
        _counters.Set("intel-rapl:0", 2_000_000).Seconds = 30;
        EnergyUse use = meter.Used;
        Assert.False(use.Measured);
        Assert.Equal(300, use.Joules, 1e-9);
        Assert.Equal(120, use.Uncertainty, 1e-9);
        Assert.Equal("300 J estimated ± 120 J", use.ToString());
        Assert.Contains("administrator", meter.WhyEstimated, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("empty")]
    [InlineData("absent")]
    [InlineData("no package")]
    [InlineData("no number")]
    public void Without_counters_it_is_estimated(string what)
    {
        if (what == "no package")
            _counters.Zone("intel-rapl:0", "psys", 5);
        if (what == "no number")
            File.WriteAllText(Path.Combine(_counters.Zone("intel-rapl:0", "package-0", 5).Folder, "intel-rapl:0", "energy_uj"), "soon\n");
        using var meter = new EnergyMeter(Power, _clock, what == "absent" ? Path.Combine(_counters.Folder, "nothing") : _counters.Folder, _counters.ProcessorTime);
        _counters.Seconds = 1.5;
        Assert.Equal(new EnergyUse(15, 6, false, 1.5), meter.Used);
        Assert.NotEmpty(meter.WhyEstimated);
    }

    [Fact]
    public void A_counter_that_goes_away_in_the_middle_makes_an_estimate_of_the_whole()
    {
        _counters.Zone("intel-rapl:0", "package-0", 5_000_000);
        using EnergyMeter meter = Meter();
        _counters.Set("intel-rapl:0", 6_000_000).Seconds = 1;
        Assert.True(meter.Used.Measured);
        _counters.Remove("intel-rapl:0");
        _clock.Tick();
        _counters.Set("intel-rapl:0", 90_000_000).Seconds = 4; // it came back, but what happened meanwhile is not known
        Assert.Equal(new EnergyUse(40, 16, false, 4), meter.Used);
        Assert.NotEmpty(meter.WhyEstimated);
    }

    [Fact]
    public void A_counter_that_stands_still_is_not_believed()
    {
        _counters.Zone("intel-rapl:0", "package-0", 0);
        using EnergyMeter meter = Meter();
        _counters.Seconds = 2;
        Assert.Equal(new EnergyUse(20, 8, false, 2), meter.Used);
    }

    [Fact]
    public void This_process_takes_energy()
    {
        using var meter = new EnergyMeter(Power);
        double sum = 0;
        for (int i = 0; i < 20_000_000; i++)
            sum += Math.Sqrt(i);
        EnergyUse use = meter.Used;
        Assert.True(sum > 0 && use.Joules > 0 && use.CoreSeconds > 0, use.ToString());
        Assert.Equal(use.Measured, use.Uncertainty == 0);
    }

    [Theory]
    [InlineData("8", 8, 4)]
    [InlineData("8±2", 8, 2)]
    [InlineData(" 7.5 +- 1.5 ", 7.5, 1.5)]
    [InlineData("20±0", 20, 0)]
    public void A_stated_power_is_read(string text, double watts, double uncertainty) => Assert.Equal(new EnergyOptions(watts, uncertainty), EnergyOptions.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("much")]
    [InlineData("0")]
    [InlineData("-3")]
    [InlineData("5±x")]
    [InlineData("5±-1")]
    [InlineData("5±1±1")]
    [InlineData("1e9")]
    [InlineData("NaN")]
    public void What_is_no_power_is_refused(string text) => Assert.Contains(EnergyOptions.Variable, Assert.Throws<CleaveException>(() => EnergyOptions.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(0, "0 µJ")]
    [InlineData(3.14159e-6, "3.14 µJ")]
    [InlineData(0.0421, "42.1 mJ")]
    [InlineData(0.9996, "1 J")]
    [InlineData(999.4, "999 J")]
    [InlineData(999.6, "1 kJ")]
    [InlineData(12_345, "12.3 kJ")]
    [InlineData(7.2e9, "7.2 GJ")]
    public void Joules_are_shown_with_three_digits(double joules, string shown) => Assert.Equal(shown, EnergyUse.Show(joules));

    [Fact]
    public void Pieces_add_up_and_one_estimate_makes_the_sum_an_estimate()
    {
        var measured = new EnergyUse(100, 0, true, 3);
        var estimated = new EnergyUse(50, 20, false, 5);
        Assert.Equal(new EnergyUse(200, 0, true, 6), EnergyUse.Sum([measured, measured]));
        Assert.Equal(new EnergyUse(200, 40, false, 13), EnergyUse.Sum([measured, estimated, estimated]));
        Assert.Equal(measured, EnergyUse.Sum([measured, measured]).Without(measured));
        Assert.Equal(new EnergyUse(25, 10, false, 2.5), estimated.Each(2));
    }

    [Fact]
    public void Energy_and_hours_have_their_price()
    {
        var use = new EnergyUse(7.2e6, 3.6e6, false, 5400); // 2 ± 1 kWh, an hour and a half
        var prices = new PriceTable(0.30, 0.04, "EUR");
        Assert.Equal(0.66, prices.Of(use), 1e-12);
        Assert.Equal(0.30, prices.Uncertainty(use), 1e-12);
        Assert.Equal("0.66 EUR ± 0.3", prices.Show(use));
        Assert.Equal("0.06 USD", new PriceTable(0, 0.04, "USD").Show(use));
    }

    private EnergyMeter Meter() => new(Power, _clock, _counters.Folder, _counters.ProcessorTime);

    /// <summary>A clock whose timers go off when it is told so.</summary>
    private sealed class ManualTimer : TimeProvider
    {
        private TimerCallback? _callback;

        public void Tick() => _callback!(null);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Assert.True(period > TimeSpan.Zero);
            _callback = callback;
            return new Silent();
        }

        private sealed class Silent : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose() { }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
