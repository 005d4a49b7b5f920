using CsvHelper;

namespace Cleave.Data.Reading;

/// <summary>
/// Reads comma-separated values as RFC 4180 has them: quoted fields may hold commas, doubled quotes and line ends. A
/// quote in the middle of an unquoted field is text, as in other readers.
/// </summary>
internal static class CsvRows
{
    public static IEnumerable<Row> Read(string file, Utf8Lines lines, bool header)
    {
        using CsvReader csv = CsvReader.Create(new CheckedStream(lines), Options(file), leaveOpen: true);
        string[]? names = null;
        while (Next(file, csv))
        {
            string[] fields = csv.Current.ToArray();
            if (names is null)
            {
                names = Tables.Names(file, header, fields, csv.LineNumber);
                if (header)
                    continue;
            }
            Tables.CheckWidth(file, names, fields.Length, csv.LineNumber);
            yield return new Row(file, csv.LineNumber, names, fields);
        }
    }

    private static CsvReaderOptions Options(string file) => new()
    {
        Separator = ',',
        Mode = CsvMode.Rfc4180,
        HasHeader = false, // Names() reads it, so that both kinds of table report alike
        DetectSeparatorHint = false,
        SkipEmptyLines = true,
        TrimWhitespace = false,
        TrackLineNumbers = true,
        MaxRecordSize = DataFile.MaxRowBytes,
        OnMalformedRecord = bad =>
        {
            if (bad.Reason == CsvMalformedReason.UnterminatedQuote)
                throw new DataFileException(file, "a quoted field is opened here and never closed", bad.LineNumber);
            if (bad.Reason == CsvMalformedReason.TextAfterClosingQuote)
            {
                throw new DataFileException(file,
                    "text follows the closing quote of a field; double the quotes within a quoted field", bad.LineNumber);
            }
        },
    };

    private static bool Next(string file, CsvReader csv)
    {
        try
        {
            return csv.Read();
        }
        catch (CsvFormatException e)
        {
            throw new DataFileException(file,
                $"the row is longer than {DataFile.MaxRowBytes >> 20} MB; is a quote left open? ({e.Message})", e.LineNumber);
        }
    }

    /// <summary>Hands checked lines to the parser as bytes.</summary>
    private sealed class CheckedStream(Utf8Lines lines) : ForwardStream
    {
        private byte[] _line = [];
        private int _position, _length;

        public override int Read(Span<byte> buffer)
        {
            int written = 0;
            while (written < buffer.Length && (_position < _length || NextLine()))
            {
                int count = Math.Min(buffer.Length - written, _length - _position);
                _line.AsSpan(_position, count).CopyTo(buffer[written..]);
                _position += count;
                written += count;
            }
            return written;
        }

        private bool NextLine()
        {
            if (!lines.Next(out ReadOnlySpan<byte> line, withEnd: true))
                return false;
            if (_line.Length < line.Length)
                _line = new byte[Math.Max(line.Length, 4096)];
            line.CopyTo(_line);
            (_position, _length) = (0, line.Length);
            return true;
        }
    }
}
