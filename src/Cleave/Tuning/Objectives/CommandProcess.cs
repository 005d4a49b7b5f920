using System.Diagnostics;
using System.Text;

namespace Cleave.Tuning.Objectives;

/// <summary>
/// A command that answers lines with lines. It runs in a session of its own, so that it is ended with everything it has
/// started; it is not trusted to answer, to end, or to keep its lines short.
/// </summary>
internal sealed class CommandProcess : IDisposable
{
    private const int LongestLine = 1 << 20, KeptErrors = 2000;
    private static readonly string? Session = new[] { "/usr/bin/setsid", "/bin/setsid" }.FirstOrDefault(File.Exists);

    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly byte[] _buffer = new byte[1 << 12];
    private readonly MemoryStream _line = new();
    private int _start, _end;

    /// <exception cref="CleaveException">No shell to run it with.</exception>
    public CommandProcess(string command, string folder)
    {
        (string shell, string flag) = OperatingSystem.IsWindows() ? ("cmd.exe", "/c") : ("/bin/sh", "-c");
        var start = new ProcessStartInfo(Session ?? shell)
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(false),
        };
        foreach (string argument in Session is null ? [flag, command] : new[] { shell, flag, command })
            start.ArgumentList.Add(argument);
        try
        {
            _process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new CleaveException($"{command}: cannot be started: {e.Message}", e);
        }
        _process.ErrorDataReceived += (_, e) =>
        {
            lock (_errors)
            {
                if (e.Data is null)
                    return;
                _errors.Append(e.Data).Append('\n');
                if (_errors.Length > 2 * KeptErrors)
                    _errors.Remove(0, _errors.Length - KeptErrors);
            }
        };
        _process.BeginErrorReadLine();
    }

    /// <summary>The last line on the command's standard error, or what can be said of its end.</summary>
    public string LastWords()
    {
        string ended = _process.WaitForExit(200) ? $"the command ended with status {_process.ExitCode}" : "the command closed its output";
        lock (_errors)
        {
            string? last = _errors.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault();
            return last is null ? ended : $"{ended}: {last}";
        }
    }

    /// <returns>False where the command no longer reads.</returns>
    public bool Write(string line)
    {
        try
        {
            _process.StandardInput.Write(line + "\n");
            _process.StandardInput.Flush();
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <returns>Null where the command has ended, whatever holds its output open.</returns>
    /// <exception cref="FormatException">A line that does not end.</exception>
    public async Task<string?> ReadLine()
    {
        Task ended = _process.WaitForExitAsync();
        while (true)
        {
            int feed = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            _line.Write(_buffer, _start, feed < 0 ? _end - _start : feed);
            _start = feed < 0 ? _end : _start + feed + 1;
            if (_line.Length > LongestLine)
                throw new FormatException("a line of more than 1 MiB");
            if (feed >= 0)
            {
                string line = Encoding.UTF8.GetString(_line.GetBuffer(), 0, (int)_line.Length);
                _line.SetLength(0);
                if (!string.IsNullOrWhiteSpace(line))
                    return line;
                continue;
            }
            Task<int> read = _process.StandardOutput.BaseStream.ReadAsync(_buffer).AsTask();
            // A child of the command may hold the output open after the command itself has ended.
            if (await Task.WhenAny(read, ended).ConfigureAwait(false) == ended)
                await Task.WhenAny(read, Task.Delay(200)).ConfigureAwait(false);
            if (!read.IsCompleted || await read.ConfigureAwait(false) is not (> 0 and var count))
                return null;
            (_start, _end) = (0, count);
        }
    }

    /// <summary>Lets the command end by itself for a moment after the end of its input, then ends it and all that it has started.</summary>
    public void Dispose()
    {
        try
        {
            _process.StandardInput.Close();
            _process.WaitForExit(200);
        }
        catch (IOException)
        {
            // It has not read its last line.
        }
        if (Session is not null)
            EndGroup();
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
        _line.Dispose();
    }

    private void EndGroup()
    {
        using var kill = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"kill -KILL -- -{_process.Id} 2>/dev/null"]));
        kill?.WaitForExit();
    }
}
