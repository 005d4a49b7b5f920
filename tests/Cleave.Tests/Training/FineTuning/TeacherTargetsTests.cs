using Cleave.Training.FineTuning;

namespace Cleave.Tests.Training.FineTuning;

public class TeacherTargetsTests
{
    /// <summary>Worked out by hand: of classes 3, 0 and 2 the student has 3 and 2, as its 0 and 4.</summary>
    [Fact]
    public void A_student_with_other_classes_is_taught_those_that_it_has()
    {
        var targets = TeacherTargets.Top([1, -9, 0, 2], rows: 1, classes: 4, width: 3);
        Assert.Equal([3], targets.Likeliest);
        TeacherTargets renumbered = targets.Renumbered(new Dictionary<int, int> { [3] = 0, [2] = 4 });
        var probabilities = new float[6];
        renumbered.Probabilities(0, 1, probabilities);
        double sum = Math.Exp(2) + Math.Exp(0);
        Assert.Equal(Math.Exp(2) / sum, probabilities[0], 1e-6);
        Assert.Equal(Math.Exp(0) / sum, probabilities[4], 1e-6);
        Assert.Equal(1, probabilities.Sum(), 1e-6f);
        Assert.Throws<InvalidOperationException>(() => new TeacherTargets([1, 2], 2).Renumbered(new Dictionary<int, int>()));
    }
}
