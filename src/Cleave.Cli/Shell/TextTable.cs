namespace Cleave.Cli.Shell;

/// <summary>Aligned columns of plain text; columns of numbers are aligned to the right.</summary>
internal sealed class TextTable(params string[] headers)
{
    private readonly List<string[]> _rows = [];

    public TextTable Row(params string[] cells)
    {
        if (cells.Length != headers.Length)
            throw new ArgumentException($"a row of {cells.Length} cells in a table of {headers.Length} columns", nameof(cells));
        _rows.Add(cells);
        return this;
    }

    public void Write(TextWriter output)
    {
        int columns = headers.Length;
        var width = new int[columns];
        var right = new bool[columns];
        for (int c = 0; c < columns; c++)
        {
            width[c] = Math.Max(headers[c].Length, _rows.Count == 0 ? 0 : _rows.Max(r => r[c].Length));
            right[c] = _rows.Count > 0 && _rows.All(r => IsNumber(r[c]));
        }
        WriteRow(output, headers, width, right);
        WriteRow(output, [.. width.Select(w => new string('-', w))], width, right);
        foreach (string[] row in _rows)
            WriteRow(output, row, width, right);
    }

    private static bool IsNumber(string cell)
    {
        string digits = cell.TrimStart('-', '+');
        return digits.Length == 0 || char.IsAsciiDigit(digits[0]);
    }

    private static void WriteRow(TextWriter output, string[] cells, int[] width, bool[] right)
    {
        var line = new System.Text.StringBuilder();
        for (int c = 0; c < cells.Length; c++)
        {
            if (c > 0)
                line.Append("  ");
            line.Append(right[c] ? cells[c].PadLeft(width[c]) : cells[c].PadRight(width[c]));
        }
        output.WriteLine(line.ToString().TrimEnd());
    }
}
