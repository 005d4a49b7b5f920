using Cleave.Evaluation.Energy;
using Cleave.Splitting;
using Cleave.Tests.Evaluation.Energy;

namespace Cleave.Tests.Splitting;

public sealed class EnergyLedgerTests : IDisposable
{
    private readonly FakeCounters _machine = new(); // without counters: 10 W a core
    private readonly string _folder = Directory.CreateTempSubdirectory("cleave-ledger").FullName;
    private readonly EnergyMeter _meter;

    public EnergyLedgerTests() => _meter = new EnergyMeter(new EnergyOptions(10, 5), TimeProvider.System, _machine.Folder, _machine.ProcessorTime);

    public void Dispose()
    {
        _meter.Dispose();
        _machine.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_piece_inside_of_a_piece_is_counted_once()
    {
        EnergyLedger ledger = Open();
        Work(1);
        ledger.Measure("mood", () =>
        {
            Work(2);
            ledger.Measure(EnergyLedger.Trial("mood", 0), () => Work(3));
            ledger.Measure(EnergyLedger.Trial("mood", 1), () => Work(4));
            return Work(5);
        });
        ledger.Measure("moody", () => Work(6)); // another task, whose name begins alike
        ledger.Measure("mood/certificate", () => Work(7));
        Assert.Equal(30, ledger.OfTrial("mood", 0)!.Value.Joules, 1e-9);
        Assert.Equal(40, ledger.OfTrial("mood", 1)!.Value.Joules, 1e-9);
        Assert.Null(ledger.OfTrial("mood", 2));
        Assert.Equal(10 * (2 + 3 + 4 + 5 + 7), ledger.OfTask("mood").Joules, 1e-9);
        Assert.Equal(280, ledger.Total().Joules, 1e-9);
        Assert.Equal(140, ledger.Total().Uncertainty, 1e-9);
    }

    [Fact]
    public void What_an_interrupted_run_took_counts_in_the_next()
    {
        EnergyLedger first = Open();
        first.Measure(EnergyLedger.Trial("mood", 0), () => Work(2));
        Assert.Throws<OperationCanceledException>(() => first.Measure("mood", () => first.Measure<int>(EnergyLedger.Trial("mood", 1), () =>
        {
            Work(3);
            throw new OperationCanceledException();
        })));
        Work(1);
        first.Interrupted();
        Work(100); // between the runs: not of this split
        EnergyLedger second = Open();
        Assert.Equal(60, second.Total().Joules, 1e-9);
        second.Measure(EnergyLedger.Trial("mood", 1), () => Work(4));
        Assert.Equal(70, second.OfTrial("mood", 1)!.Value.Joules, 1e-9);
        Assert.Equal(90, second.OfTask("mood").Joules, 1e-9);
        Assert.Equal(100, second.Total().Joules, 1e-9);
    }

    private EnergyLedger Open() => new(_folder, _meter, _meter.Read());

    private int Work(double seconds)
    {
        _machine.Seconds += seconds;
        return 0;
    }
}
