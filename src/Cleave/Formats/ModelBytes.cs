using Microsoft.Win32.SafeHandles;

namespace Cleave.Formats;

/// <summary>Opens and reads model files, so that whatever goes wrong is one clear line.</summary>
internal static class ModelBytes
{
    public static SafeFileHandle Open(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
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

    /// <summary>Fills the destination from the file, or says that it was cut short.</summary>
    public static void Read(SafeFileHandle handle, string path, Span<byte> destination, long offset, string what)
    {
        try
        {
            while (!destination.IsEmpty)
            {
                int got = RandomAccess.Read(handle, destination, offset);
                if (got == 0)
                    throw new ModelFileException(path, $"the file was cut short while {what} was read", offset);
                destination = destination[got..];
                offset += got;
            }
        }
        catch (IOException e)
        {
            throw new ModelFileException(path, $"cannot be read: {e.Message}", offset);
        }
    }
}
