using System.Reflection;

namespace Cleave.Cli.Shell;

/// <summary>Turns an exception into one line on standard error and an exit status.</summary>
internal static class Failure
{
    public static int Report(Exception exception, TextWriter error, bool verbose, bool resumable, CancellationToken cancel)
    {
        Exception e = Unwrap(exception);
        switch (e)
        {
            case BrokenPipeException:
                return Exit.Done;
            case OperationCanceledException when cancel.IsCancellationRequested:
                error.WriteLine(resumable ? "cleave: interrupted; the same command with --resume continues" : "cleave: interrupted");
                return Exit.Interrupted;
            case CleaveException:
                error.WriteLine($"cleave: {e.Message}");
                break;
            case OutOfMemoryException:
                error.WriteLine("cleave: out of memory: use a smaller batch, context or model, or close other programs");
                break;
            case IOException or UnauthorizedAccessException:
                error.WriteLine($"cleave: {OneLine(e.Message)}");
                break;
            default:
                error.WriteLine($"cleave: internal error: {e.GetType().Name}: {OneLine(e.Message)}"
                    + (verbose ? "; please report it with what follows" : "; please report it with the command and what --verbose adds"));
                break;
        }
        if (verbose)
            error.WriteLine(exception);
        return Exit.Wrong;
    }

    // What went wrong inside a static constructor, a worker thread or a reflected call, without the wrapping.
    private static Exception Unwrap(Exception e)
    {
        while (e is TypeInitializationException or TargetInvocationException or AggregateException { InnerExceptions.Count: 1 }
            && e.InnerException is { } inner)
            e = inner;
        return e is AggregateException many && many.InnerExceptions.FirstOrDefault(x => x is CleaveException) is { } world ? world : e;
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
