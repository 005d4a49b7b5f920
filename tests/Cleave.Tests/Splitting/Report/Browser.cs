using System.Diagnostics;

namespace Cleave.Tests.Splitting.Report;

/// <summary>A headless browser, as the system has it installed.</summary>
internal static class Browser
{
    public static string? Program { get; } = new[] { "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome" }.FirstOrDefault(File.Exists);

    /// <summary>Loads a page, lets its scripts run, and returns the document as it then stands and what the page logged.</summary>
    public static (string Dom, string[] Console) Open(string page, int width, params string[] options)
    {
        string folder = Directory.CreateTempSubdirectory("cleave-page-").FullName;
        try
        {
            string file = Path.Combine(folder, "page.html");
            File.WriteAllText(file, page);
            return Open(new Uri(file), width, options);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <inheritdoc cref="Open(string, int, string[])"/>
    public static (string Dom, string[] Console) Open(Uri page, int width, params string[] options)
    {
        string folder = Directory.CreateTempSubdirectory("cleave-browser-").FullName;
        try
        {
            var start = new ProcessStartInfo(Program!) { RedirectStandardOutput = true, RedirectStandardError = true };
            string[] arguments =
            [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--no-first-run", "--enable-logging=stderr", "--virtual-time-budget=10000",
                $"--user-data-dir={Path.Combine(folder, "profile")}", $"--window-size={width},1000", .. options, "--dump-dom", page.AbsoluteUri,
            ];
            foreach (string argument in arguments)
                start.ArgumentList.Add(argument);
            using Process process = Process.Start(start)!;
            Task<string> log = process.StandardError.ReadToEndAsync();
            string dom = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"the browser ended with {process.ExitCode}: {log.Result}");
            return (dom, [.. log.Result.Split('\n').Where(l => l.Contains("CONSOLE", StringComparison.Ordinal))]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}

/// <summary>A test that needs a browser; skipped, and said so, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute()
    {
        if (Browser.Program is null)
            Skip = "needs Chromium (apt-get install chromium)";
    }
}
