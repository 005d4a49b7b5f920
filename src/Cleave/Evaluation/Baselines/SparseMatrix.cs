namespace Cleave.Evaluation.Baselines;

/// <summary>A sparse matrix by rows: row r has the columns and values from <c>Start[r]</c> to <c>Start[r + 1]</c>.</summary>
internal sealed record SparseMatrix(int Rows, int Columns, int[] Start, int[] Column, float[] Value)
{
    /// <summary>The transposed matrix, its rows' entries in rising order of columns.</summary>
    public SparseMatrix Transpose()
    {
        var start = new int[Columns + 1];
        foreach (int column in Column)
            start[column + 1]++;
        for (int column = 0; column < Columns; column++)
            start[column + 1] += start[column];
        int[] next = [.. start];
        var column2 = new int[Column.Length];
        var value = new float[Value.Length];
        for (int row = 0; row < Rows; row++)
        {
            for (int i = Start[row]; i < Start[row + 1]; i++)
            {
                int at = next[Column[i]]++;
                (column2[at], value[at]) = (row, Value[i]);
            }
        }
        return new SparseMatrix(Columns, Rows, start, column2, value);
    }
}
