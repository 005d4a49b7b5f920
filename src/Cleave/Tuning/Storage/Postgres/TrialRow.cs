using Npgsql;

namespace Cleave.Tuning.Storage.Postgres;

/// <summary>A trial as the database has it, from the columns of <see cref="PostgresSchema.Columns"/>.</summary>
internal sealed record TrialRow(int Number, TrialState State, string? Parameters, int Attempt, int Losses, string? Worker, long Token,
    string? Checkpoint, int Kept, int[] Steps, double[] StepValues, double[] Result, double[] Constraints, string? Note, string[] Artifacts)
{
    /// <param name="at">The first of the columns.</param>
    public static TrialRow Read(NpgsqlDataReader r, int at = 0) => new(r.GetInt32(at), Enum.Parse<TrialState>(r.GetString(at + 1), ignoreCase: true), Text(r, at + 2),
        r.GetInt32(at + 3), r.GetInt32(at + 4), Text(r, at + 5), r.IsDBNull(at + 6) ? 0 : r.GetInt64(at + 6), Text(r, at + 7), r.GetInt32(at + 8),
        r.GetFieldValue<int[]>(at + 9), r.GetFieldValue<double[]>(at + 10), r.GetFieldValue<double[]>(at + 11), r.GetFieldValue<double[]>(at + 12),
        Text(r, at + 13), r.GetFieldValue<string[]>(at + 14));

    /// <summary>Brings a trial to the row's state.</summary>
    /// <param name="again">Whether its parameters are read again, though a trial's never change: a database that was killed may have
    /// forgotten a trial, whose number then went to another one.</param>
    /// <exception cref="FormatException">The row holds what no program of this version writes.</exception>
    public void CopyTo(Trial trial, SearchSpace space, bool again)
    {
        if (Steps.Length != StepValues.Length || Kept < 0 || Kept > Steps.Length)
            throw new FormatException("its steps and values do not fit");
        if (Parameters is null)
        {
            trial.Parameters = null;
        }
        else if (trial.Parameters is null || again)
        {
            ParameterSet set = ParameterSet.Parse(Parameters);
            if (space.Problems(set) is { Count: > 0 } problems)
                throw new FormatException(problems[0]);
            trial.Parameters = space.InOrder(set);
        }
        (trial.Attempt, trial.Losses, trial.Worker, trial.Values, trial.Constraints, trial.Note, trial.Artifacts) =
            (Attempt, Losses, Worker, Result, Constraints, Note, Artifacts);
        trial.SetSteps(Steps, StepValues, Checkpoint, Kept);
        trial.State = State;
    }

    private static string? Text(NpgsqlDataReader r, int at) => r.IsDBNull(at) ? null : r.GetString(at);
}
