using Cleave.Serving.Simulation;

namespace Cleave.Tests.Serving.Simulation;

[Trait("Kernels", "unused")]
public sealed class TrafficTests
{
    private static readonly TrafficPart[] Mix = [new("reply", 1, 24, 30), new("intent", 3, 20, 1)];

    [Theory]
    [InlineData(TrafficShape.Poisson)]
    [InlineData(TrafficShape.Diurnal)]
    [InlineData(TrafficShape.Bursty)]
    public void Made_traffic_has_the_rate_the_mix_and_the_lengths_that_were_asked_for_and_comes_back_with_its_seed(TrafficShape shape)
    {
        double rate = shape == TrafficShape.Bursty ? 2 : 50; // so that there are some hundred bursts
        var pattern = new TrafficPattern(shape, rate, Mix);
        TrafficTrace trace = pattern.Generate(40_000, 5);
        Assert.Equal(trace.Requests, pattern.Generate(40_000, 5).Requests);
        Assert.NotEqual(trace.Requests, pattern.Generate(40_000, 6).Requests);
        Assert.InRange(40_000 / trace.Seconds / rate, 0.85, 1.15);
        Assert.InRange(trace.Requests.Count(r => r.Module == 1) / 40_000.0, 0.74, 0.76);
        Assert.InRange(trace.Requests.Where(r => r.Module == 0).Average(r => r.PromptTokens), 23.5, 24.5);
        Assert.InRange(trace.Requests.Where(r => r.Module == 0).Average(r => r.CompletionTokens), 29.5, 30.5);
        Assert.All(trace.Requests.Where(r => r.Module == 1), r => Assert.Equal(1, r.CompletionTokens));
        int[] seconds = new int[(int)trace.Seconds + 1];
        foreach (TracedRequest request in trace.Requests)
            seconds[(int)request.Time]++;
        double mean = seconds.Average(), variance = seconds.Average(s => (s - mean) * (s - mean));
        Assert.True(shape == TrafficShape.Poisson ? variance / mean is > 0.8 and < 1.2 : variance / mean > 3, $"variance is {variance / mean} of the mean"); // of a Poisson process 1
    }

    [Fact]
    public void A_trace_comes_back_from_its_file()
    {
        string file = Path.GetTempFileName();
        TrafficTrace trace = new TrafficPattern(TrafficShape.Poisson, 5, Mix).Generate(50, 1);
        trace.Save(file);
        TrafficTrace back = TrafficTrace.Load(file);
        File.Delete(file);
        Assert.Equal(trace.Requests.Select(r => (trace.Modules[r.Module], r.PromptTokens, r.CompletionTokens)), back.Requests.Select(r => (back.Modules[r.Module], r.PromptTokens, r.CompletionTokens)));
        Assert.All(trace.Requests.Zip(back.Requests), r => Assert.Equal(r.First.Time, r.Second.Time, 6));
    }

    [Theory]
    [InlineData("", "has no request", 0)]
    [InlineData("G\n\nG\nG,", "is not a line of JSON", 4)]
    [InlineData("G\n[1]", "expected an object", 2)]
    [InlineData("{\"time\":1,\"module\":\"a\",\"prompt_tokens\":1}", "'completion_tokens' must be a whole number from 1", 1)]
    [InlineData("G\n{\"time\":-1,\"module\":\"a\",\"prompt_tokens\":1,\"completion_tokens\":1}", "'time' must be seconds", 2)]
    [InlineData("{\"time\":1,\"module\":\"\",\"prompt_tokens\":1,\"completion_tokens\":1}", "'module' must be a module's name", 1)]
    [InlineData("{\"time\":1,\"module\":\"\\ud800\",\"prompt_tokens\":1,\"completion_tokens\":1}", "is not a line of JSON", 1)]
    [InlineData("{\"time\":1,\"module\":\"a\",\"prompt_tokens\":1.5,\"completion_tokens\":1}", "'prompt_tokens' must be a whole number", 1)]
    [InlineData("{\"time\":1,\"module\":\"a\",\"prompt_tokens\":1,\"completion_tokens\":1,\"x\":2}", "'x' is none of", 1)]
    [InlineData("G\n{\"time\":0,\"module\":\"a\",\"prompt_tokens\":1,\"completion_tokens\":1}", "time 0 is before 1 of the request before it", 2)]
    public void A_bad_line_is_said_in_one_line_with_its_number(string text, string message, int line)
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, text.Replace("G", "{\"time\":1,\"module\":\"a\",\"prompt_tokens\":3,\"completion_tokens\":4}", StringComparison.Ordinal));
        DataFileException error = Assert.Throws<DataFileException>(() => TrafficTrace.Load(file));
        File.Delete(file);
        Assert.StartsWith(line > 0 ? $"{file}:{line}: {message}" : $"{file}: {message}", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }
}
