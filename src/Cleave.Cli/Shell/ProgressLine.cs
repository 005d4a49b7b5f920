using Cleave.Numerics;

namespace Cleave.Cli.Shell;

/// <summary>
/// Shows progress on standard error: on a terminal one line redrawn in place with a bar, the rate and the
/// time left; elsewhere a plain line now and then. Nothing appears in a stage's first two seconds.
/// </summary>
internal sealed class ProgressLine : IProgress<ProgressReport>, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Redraw = TimeSpan.FromSeconds(0.1);
    private static readonly TimeSpan Sparse = TimeSpan.FromSeconds(10);
    private const int BarWidth = 24;

    private readonly Streams _streams;
    private readonly bool _enabled;
    private readonly TimeProvider _clock;
    private readonly Lock _gate = new();
    private ProgressReport? _latest;
    private double _first;
    private long _started;
    private long _shown;
    private bool _drawn;

    public ProgressLine(Streams streams, bool enabled, TimeProvider clock)
    {
        _streams = streams;
        _enabled = enabled;
        _clock = clock;
    }

    public void Report(ProgressReport value)
    {
        if (!_enabled)
            return;
        lock (_gate)
        {
            long now = _clock.GetTimestamp();
            if (_latest is null || _latest.Stage != value.Stage)
            {
                Finish();
                (_started, _shown, _first) = (now, now, value.Done);
            }
            _latest = value;
            TimeSpan interval = !_streams.CanRedraw ? Sparse : _drawn ? Redraw : Patience;
            if (_clock.GetElapsedTime(_shown, now) >= interval)
            {
                _shown = now;
                Show(Line(value, _clock.GetElapsedTime(_started, now)));
            }
        }
    }

    /// <summary>Ends the line that is being drawn, so that what follows starts on a fresh one.</summary>
    public void Dispose()
    {
        lock (_gate)
            Finish();
    }

    private void Finish()
    {
        if (_drawn && _latest is not null)
        {
            Show(Line(_latest, _clock.GetElapsedTime(_started)));
            _streams.Error.WriteLine();
        }
        _drawn = false;
        _latest = null;
    }

    private void Show(string line)
    {
        if (!_streams.CanRedraw)
        {
            _streams.Error.WriteLine(line);
            return;
        }
        // Carriage return, the text cut to the terminal, erase to the end of the line.
        int room = Math.Max(20, _streams.Width) - 1;
        _streams.Error.Write("\r" + (line.Length > room ? line[..room] : line) + "\x1b[K");
        _drawn = true;
    }

    private string Line(ProgressReport report, TimeSpan elapsed)
    {
        double rate = elapsed > TimeSpan.Zero ? (report.Done - _first) / elapsed.TotalSeconds : 0;
        var line = new System.Text.StringBuilder(report.Stage);
        if (report.Total > 0)
        {
            double part = Math.Clamp(report.Done / report.Total, 0, 1);
            if (_streams.CanRedraw)
                line.Append(' ').Append('[').Append(new string('=', (int)(part * BarWidth)).PadRight(BarWidth)).Append(']');
            line.Append($" {Math.Floor(part * 100):0}%  {Format.Count(report.Done)}/{Format.Count(report.Total)} {report.Unit}");
        }
        else
            line.Append($"  {Format.Count(report.Done)} {report.Unit}");
        if (rate > 0)
        {
            line.Append($"  {Format.Count(rate)}/s");
            if (report.Total > report.Done)
                line.Append($"  {Format.Duration(TimeSpan.FromSeconds(Math.Min((report.Total - report.Done) / rate, 1e9)))} left");
            else
                line.Append($"  {Format.Duration(elapsed)}");
        }
        if (report.Note is { Length: > 0 } note)
            line.Append("  ").Append(note);
        return line.ToString();
    }
}
