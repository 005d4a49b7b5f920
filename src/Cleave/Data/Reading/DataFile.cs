using System.Security.Cryptography;
using Cleave.Formats;

namespace Cleave.Data.Reading;

/// <summary>The layouts that are read, each plain or with <c>.gz</c>.</summary>
public enum DataFormat
{
    /// <summary>One JSON object a line.</summary>
    JsonLines,

    /// <summary>Comma-separated values, RFC 4180, with a header line.</summary>
    Csv,

    /// <summary>Tab-separated values with a header line and no quoting: a quote is a character like any other.</summary>
    Tsv,

    /// <summary>Plain text.</summary>
    Text,
}

/// <summary>Names, opens and fingerprints data files.</summary>
public static class DataFile
{
    /// <summary>Longest row that is read, in bytes: 16 MiB. A longer one is nearly always a file of another kind.</summary>
    public const int MaxRowBytes = 16 << 20;

    private static readonly string[] Extensions = [".jsonl", ".csv", ".tsv", ".txt"];

    /// <exception cref="DataFileException">The extension is none of .jsonl .csv .tsv .txt (with or without .gz).</exception>
    public static DataFormat FormatOf(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string name = IsGzip(path) ? path[..^3] : path;
        string extension = Path.GetExtension(name).ToLowerInvariant();
        return Array.IndexOf(Extensions, extension) switch
        {
            0 => DataFormat.JsonLines,
            1 => DataFormat.Csv,
            2 => DataFormat.Tsv,
            3 => DataFormat.Text,
            _ => throw new DataFileException(path,
                $"the extension '{extension}' is not a data format; {Suggest.Hint(extension, Extensions)} (each also with .gz)"),
        };
    }

    /// <summary>Opens a file for reading, unpacked.</summary>
    /// <exception cref="DataFileException">The file is missing or may not be read.</exception>
    public static Stream Open(string path)
    {
        Stream file = OpenRaw(path);
        return IsGzip(path) ? new GzipFile(file) : file;
    }

    /// <summary>The lower-case hexadecimal SHA-256 of the file as it is stored.</summary>
    /// <exception cref="DataFileException">The file is missing or may not be read.</exception>
    public static string Sha256(string path)
    {
        using Stream file = OpenRaw(path);
        try
        {
            return Convert.ToHexStringLower(SHA256.HashData(file));
        }
        catch (IOException e)
        {
            throw new DataFileException(path, $"cannot be read: {e.Message}");
        }
    }

    private static bool IsGzip(string path) => path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);

    private static FileStream OpenRaw(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new DataFileException(path, $"there is no such file; {Neighbours(path)}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataFileException(path, Directory.Exists(path)
                ? "is a folder; name a file or a pattern such as folder/*.jsonl" : $"cannot be read: {e.Message}");
        }
    }

    private static string Neighbours(string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
            return $"the folder {folder} does not exist either";
        string[] names = [.. Directory.EnumerateFiles(folder).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];
        return names.Length == 0 ? "its folder is empty" : Suggest.Hint(Path.GetFileName(path), names);
    }
}
