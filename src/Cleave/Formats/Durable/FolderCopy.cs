namespace Cleave.Formats.Durable;

/// <summary>Copies a folder with all that is in it.</summary>
public static class FolderCopy
{
    /// <param name="target">Made where it is not there; no file of it is overwritten.</param>
    public static void Copy(string source, string target)
    {
        Directory.CreateDirectory(target);
        foreach (string file in Directory.GetFiles(source))
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        foreach (string folder in Directory.GetDirectories(source))
            Copy(folder, Path.Combine(target, Path.GetFileName(folder)));
    }
}
