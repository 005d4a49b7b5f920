using Cleave.Numerics.Distributed;
using Cleave.Numerics.Threading;

namespace Cleave.Tests.Numerics.Distributed;

public sealed class JobLaunchTests
{
    [Theory]
    [InlineData("", null)]
    [InlineData("OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0", null)]
    [InlineData("OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_LOCAL_SIZE=2", "3 4 2")]
    [InlineData("PMI_SIZE=2 PMI_RANK=1", "1 2 1")]
    [InlineData("PMIX_RANK=5 SLURM_STEP_NUM_TASKS=8 SLURM_STEP_TASKS_PER_NODE=4(x2)", "5 8 4")]
    [InlineData("SLURM_STEP_NUM_TASKS=8 SLURM_PROCID=2", null)] // tasks that know nothing of each other, such as workers of a study
    [InlineData("PMIX_RANK=0", null)]
    [InlineData("PMI_SIZE=2 PMI_RANK=2", null)]
    [InlineData("PMI_SIZE=x PMI_RANK=0", null)]
    [InlineData("PMI_SIZE=99999999999 PMI_RANK=0", null)]
    public void What_the_launcher_says_is_read(string environment, string? expected)
    {
        var variables = environment.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(v => v.Split('=')).ToDictionary(v => v[0], v => v[1]);
        JobLaunch? launch = JobLaunch.Read(name => variables.GetValueOrDefault(name));
        Assert.Equal(expected, launch is null ? null : $"{launch.Rank} {launch.Size} {launch.OnThisMachine}");
    }

    [Theory]
    [InlineData(8, 8, 1, 8)]
    [InlineData(8, 8, 2, 4)] // unbound: they share
    [InlineData(2, 8, 4, 2)] // bound to two each
    [InlineData(1, 2, 2, 1)]
    [InlineData(2, 2, 4, 1)] // more processes than cores
    [InlineData(16, 8, 1, 8)] // two hardware threads a core
    [InlineData(16, 8, 2, 4)]
    public void Processes_share_the_cores_unless_they_are_bound(int allowed, int cores, int processes, int expected) =>
        Assert.Equal(expected, Processors.Share(allowed, cores, processes));
}
