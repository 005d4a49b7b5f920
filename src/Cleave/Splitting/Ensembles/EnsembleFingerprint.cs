using System.Text;
using Cleave.Data;
using Cleave.Formats.Durable;
using Cleave.Models;
using Cleave.Splitting.SingleTask;
using Cleave.Training.Distillation;
using Cleave.Training.FineTuning.Options;

namespace Cleave.Splitting.Ensembles;

/// <summary>
/// Identifies what an unfinished ensemble's members are members of. Members that are finished are not trained again, so that everything counts that
/// decides one: the kind of ensemble, how many there are, the seed, the base, the items and every setting.
/// </summary>
internal static class EnsembleFingerprint
{
    /// <exception cref="CleaveException">The base or the file of synonyms cannot be read.</exception>
    public static string Of(TaskTraining training, EnsembleOptions options, TaskDataset data)
    {
        LanguageModel model = new TaskTrainer(training).LoadModel();
        FineTuneOptions settings = training.Options;
        string[] choices =
        [
            options.Name, $"{options.Members}", $"{training.Seed}", $"{training.Merge}", data.Source.Name, string.Join('|', data.Labels), ModelFingerprint.Of(model.Transformer), ModelFingerprint.Of(model.Tokenizer),
            $"{settings with { Targets = [] }}", string.Join(',', settings.Targets), settings.Text.Synonyms is { } file ? Hashing.Sha256File(file) : "",
            .. data.Report.Files.Select(f => f.Sha256), .. data.Train.Select(e => $"{e.Label}\t{e.Text}"), "validation", .. data.Validation.Select(e => $"{e.Label}\t{e.Text}"),
        ];
        return Hashing.Sha256(Encoding.UTF8.GetBytes(string.Join('\n', choices)));
    }
}
