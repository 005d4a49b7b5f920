using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Cleave.Tests.Formats.Durable;
using Cleave.Tests.Tuning.Storage.Postgres;

namespace Cleave.Tests.Cli;

/// <summary>Slurm with one node, this machine, in a temporary folder: munged, slurmctld and slurmd on loopback ports.</summary>
internal sealed class SlurmCluster : IDisposable
{
    private static readonly string[] Programs = ["/usr/sbin/munged", "/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/bin/sbatch"];

    private readonly TemporaryFolder _folder = new();
    private readonly List<Process> _daemons = [];

    public static string? Missing => !Programs.All(File.Exists) ? "needs Slurm (apt-get install slurmctld slurmd slurm-client munge)"
        : Environment.UserName != "root" ? "needs to be root, as Slurm's node daemon does" : null;

    public string Configuration => _folder.File("slurm.conf");

    public SlurmCluster()
    {
        foreach (string name in new[] { "state", "spool", "run" })
            Directory.CreateDirectory(_folder.File(name));
        byte[] key = new byte[1024];
        Random.Shared.NextBytes(key);
        File.WriteAllBytes(_folder.File("munge.key"), key);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_folder.File("munge.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            File.SetUnixFileMode(_folder.Path, (UnixFileMode)0b111_101_101);
        }
        string host = Dns.GetHostName().Split('.')[0];
        File.WriteAllText(Configuration, string.Create(CultureInfo.InvariantCulture, $"""
            ClusterName=test
            SlurmctldHost={host}(127.0.0.1)
            SlurmUser=root
            SlurmdUser=root
            AuthType=auth/munge
            AuthInfo=socket={_folder.File("run/munge.socket")}
            CredType=cred/munge
            SlurmctldPort={FreePort()}
            SlurmdPort={FreePort()}
            StateSaveLocation={_folder.File("state")}
            SlurmdSpoolDir={_folder.File("spool")}
            SlurmctldPidFile={_folder.File("run/slurmctld.pid")}
            SlurmdPidFile={_folder.File("run/slurmd.pid")}
            ProctrackType=proctrack/pgid
            TaskPlugin=task/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_Core
            MpiDefault=none
            ReturnToService=2
            SlurmdParameters=config_overrides
            JobAcctGatherType=jobacct_gather/none
            AccountingStorageType=accounting_storage/none
            NodeName={host} NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
            PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP

            """));
        Start("/usr/sbin/munged", "--foreground", "--force", "--key-file", _folder.File("munge.key"), "--socket", _folder.File("run/munge.socket"),
            "--pid-file", _folder.File("run/munged.pid"), "--log-file", _folder.File("munged.log"), "--seed-file", _folder.File("run/munged.seed"));
        Start("/usr/sbin/slurmctld", "-D", "-c", "-f", Configuration);
        Start("/usr/sbin/slurmd", "-D", "-f", Configuration);
        for (var clock = Stopwatch.StartNew(); !Ask("sinfo", "--noheader", "--format=%T").Contains("idle", StringComparison.Ordinal); Thread.Sleep(200))
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "Slurm's node does not come up: " + string.Join('\n', Directory.GetFiles(_folder.Path, "*.out").Select(File.ReadAllText)));
    }

    public string Ask(string program, params string[] args)
    {
        var info = new ProcessStartInfo(program, args) { RedirectStandardOutput = true, RedirectStandardError = true };
        info.Environment["SLURM_CONF"] = Configuration;
        using Process process = Process.Start(info)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output + error.Result;
    }

    public void Dispose()
    {
        foreach (Process daemon in Enumerable.Reverse(_daemons))
        {
            if (!daemon.HasExited)
                daemon.Kill(entireProcessTree: true);
            daemon.WaitForExit();
            daemon.Dispose();
        }
        _folder.Dispose();
    }

    private void Start(string program, params string[] args)
    {
        string line = string.Join(' ', args.Prepend(program).Select(a => $"'{a}'"));
        _daemons.Add(Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"exec {line} > '{_folder.File(Path.GetFileName(program))}.out' 2>&1"]))!);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

/// <summary>A test that starts Slurm and PostgreSQL; skipped, and said so, where one is not there.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SlurmFactAttribute : FactAttribute
{
    public SlurmFactAttribute() => Skip = SlurmCluster.Missing ?? PostgresServer.Missing;
}
