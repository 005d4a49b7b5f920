using Cleave.Json;

namespace Cleave.Formats.HuggingFace;

/// <summary>Loads a JSON configuration file with limits on its size and depth.</summary>
public static class JsonFile
{
    /// <summary>No configuration or tokenizer comes near this; a wrong file does not fill the memory.</summary>
    public const long MaxBytes = 256L << 20;

    /// <exception cref="ModelFileException">The file is absent, unreadable, too large, or not JSON.</exception>
    public static JsonCursor Load(string path, long maxBytes = MaxBytes) => JsonCursor.Parse(ReadBytes(path, maxBytes), path);

    /// <summary>The whole file, when it is no larger than the limit.</summary>
    /// <exception cref="ModelFileException">The file is absent, unreadable or too large.</exception>
    public static byte[] ReadBytes(string path, long maxBytes = MaxBytes)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            long length = new FileInfo(path).Length;
            if (length > maxBytes)
                throw new ModelFileException(path, $"{length} bytes are more than a configuration of this kind can have ({maxBytes})");
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelFileException(path, "no such file");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFileException(path, $"cannot be read: {e.Message}");
        }
    }
}
