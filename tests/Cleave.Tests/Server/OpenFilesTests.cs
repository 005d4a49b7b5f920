using Cleave.Server;

namespace Cleave.Tests.Server;

/// <summary>As many connections as the operating system has room for.</summary>
[Trait("Kernels", "unused")]
public sealed class OpenFilesTests
{
    [Theory]
    [InlineData(null, null, 16_384)]
    [InlineData(null, 1_000_000L, 16_384)]
    [InlineData(null, 1_024L, 512)]
    [InlineData(null, 100L, 1)]
    [InlineData(10_000, 20_000L, 10_000)]
    [InlineData(50_000, null, 50_000)]
    public void They_are_what_is_asked_for_or_what_there_is_room_for(int? asked, long? limit, int expected) => Assert.Equal(expected, OpenFiles.Connections(asked, limit));

    [Fact]
    public void More_than_there_is_room_for_is_refused_with_the_remedy()
    {
        CleaveException refused = Assert.Throws<CleaveException>(() => OpenFiles.Connections(1000, 1024));
        Assert.Equal("1000 connections need 1512 open files, but this process may have 1024; raise that with ulimit -n, or LimitNOFILE= of a service", refused.Message);
    }

    [Fact]
    public void The_limit_is_read_as_linux_writes_it()
    {
        Assert.Equal(1024, OpenFiles.Read(["Limit                     Soft Limit           Hard Limit           Units     ", "Max open files            1024                 524288               files     "]));
        Assert.Null(OpenFiles.Read(["Max open files            unlimited            unlimited            files     "]));
        Assert.Null(OpenFiles.Read([]));
    }

    [Fact]
    public async Task Connections_beyond_that_are_closed_and_those_that_are_open_go_on()
    {
        await using RunningServer server = await RunningServer.StartAsync(new WordHost(), new ServerOptions { Connections = 2 });
        Assert.True((await server.Client.GetAsync("/health")).IsSuccessStatusCode);
        using var second = new HttpClient { BaseAddress = server.Client.BaseAddress };
        Assert.True((await second.GetAsync("/health")).IsSuccessStatusCode);
        using var third = new HttpClient { BaseAddress = server.Client.BaseAddress };
        await Assert.ThrowsAsync<HttpRequestException>(() => third.GetAsync("/health"));
        Assert.True((await server.Client.GetAsync("/health")).IsSuccessStatusCode);
    }
}
