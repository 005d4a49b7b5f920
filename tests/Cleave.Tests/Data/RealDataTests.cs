using Cleave.Data;

namespace Cleave.Tests.Data;

public class RealDataTests
{
    [SharedFact]
    public void Banking77_loads_with_its_published_counts()
    {
        TaskDataset data = TaskDataset.Load(new TaskSource
        {
            Name = "intent",
            Kind = TaskKind.Classify,
            Train = [Shared.Data("banking77/train.csv")],
            Test = [Shared.Data("banking77/test.csv")],
            Label = "category",
        }, seed: 7);
        Assert.Equal(10003, data.Report.TrainRowsRead);
        Assert.Equal(3080, data.Test.Count);
        Assert.Equal(77, data.Labels.Count);
        Assert.Equal(10003, data.Train.Count + data.Validation.Count + data.Report.TrainDuplicates + data.Report.TrainAlsoInTest);
        Assert.InRange(data.Validation.Count / (double)(data.Train.Count + data.Validation.Count), 0.14, 0.16);
        Assert.All(data.Report.Labels, l => Assert.True(l.Validation > 0));
    }

    [SharedFact]
    public void Sst2_loads_with_its_published_counts()
    {
        TaskDataset data = TaskDataset.Load(new TaskSource
        {
            Name = "sst2",
            Kind = TaskKind.Classify,
            Train = [Shared.Data("glue-sst2/train.tsv")],
            Test = [Shared.Data("glue-sst2/dev.tsv")],
            Text = "sentence",
        }, seed: 7);
        Assert.Equal(67349, data.Report.TrainRowsRead);
        Assert.Equal(872, data.Test.Count);
        Assert.Equal(["0", "1"], data.Labels);
    }
}
