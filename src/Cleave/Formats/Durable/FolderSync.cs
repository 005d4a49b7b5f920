using System.Runtime.InteropServices;

namespace Cleave.Formats.Durable;

/// <summary>
/// Flushes a folder's entries to the disk, so that a rename survives a power cut. The base library has no call
/// for it; where the system has none either (Windows), the file system's own journal does the work.
/// </summary>
internal static class FolderSync
{
    private const int ReadOnly = 0;

    public static void Flush(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        int handle = Open(folder, ReadOnly);
        if (handle < 0)
            throw new IOException($"the folder '{folder}' cannot be opened (error {Marshal.GetLastPInvokeError()})");
        try
        {
            // Some network file systems refuse to flush a folder (EINVAL); the rename itself has been done.
            _ = Sync(handle);
        }
        finally
        {
            _ = Close(handle);
        }
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Sync(int handle);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int handle);
}
