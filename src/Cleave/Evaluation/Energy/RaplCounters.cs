using System.Globalization;
using System.Text;

namespace Cleave.Evaluation.Energy;

/// <summary>
/// The energy counters of all processor packages, as Linux shows them (Documentation/power/powercap): <c>intel-rapl:N</c>, also for AMD, each with
/// microjoules that begin again at 0 behind their range. Zones inside of a package, the platform as a whole and the same counters by another way
/// (<c>intel-rapl-mmio</c>) would count twice and are left out; memory is not in it.
/// </summary>
internal sealed class RaplCounters
{
    public const string Folder = "/sys/class/powercap";

    private const string Zones = "intel-rapl:*", Package = "package";
    private const int MostBytes = 64; // a number or a name, and a line feed
    private readonly Zone[] _zones;

    private RaplCounters(Zone[] zones) => _zones = zones;

    /// <summary>Of all packages since the counters were opened, as of the last <see cref="TryAdvance"/>.</summary>
    public double Joules { get; private set; }

    /// <summary>Opens every package's counter, or says why energy cannot be read here: one that is missing would make the sum wrong.</summary>
    public static RaplCounters? Open(string folder, out string why)
    {
        try
        {
            Zone[] zones = [.. (Directory.Exists(folder) ? Directory.GetDirectories(folder, Zones) : []).Where(IsPackage).Order(StringComparer.Ordinal).Select(p => new Zone(p))];
            why = zones.Length == 0 ? $"{folder} has no counters of processor packages" : "";
            return zones.Length == 0 ? null : new RaplCounters(zones);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            why = e is UnauthorizedAccessException ? $"{folder}: only the administrator may read the energy counters" : $"{folder}: {e.Message}";
            return null;
        }
    }

    /// <summary>Reads the counters on; to be called before one can go around twice. False where one cannot be read any more.</summary>
    public bool TryAdvance()
    {
        try
        {
            foreach (Zone zone in _zones)
                Joules += 1e-6 * zone.Advance();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return false;
        }
    }

    private static bool IsPackage(string path) => Path.GetFileName(path).Count(c => c == ':') == 1 && Read(path, "name").StartsWith(Package, StringComparison.Ordinal);

    private static string Read(string zone, string file)
    {
        using var stream = new FileStream(Path.Combine(zone, file), FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        Span<byte> bytes = stackalloc byte[MostBytes];
        return Encoding.ASCII.GetString(bytes[..stream.ReadAtLeast(bytes, MostBytes, throwOnEndOfStream: false)]).Trim();
    }

    private sealed class Zone(string path)
    {
        private readonly ulong _range = Number(path, "max_energy_range_uj");
        private ulong _last = Number(path, "energy_uj");

        /// <summary>Microjoules since the last call.</summary>
        public ulong Advance()
        {
            ulong now = Number(path, "energy_uj"), before = _last;
            _last = now;
            return now >= before ? now - before : now + (_range > before ? _range - before : 0);
        }

        private static ulong Number(string zone, string file) => ulong.TryParse(Read(zone, file), NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value
            : throw new FormatException($"{Path.Combine(zone, file)} holds no number");
    }
}
